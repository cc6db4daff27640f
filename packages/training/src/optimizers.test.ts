import { describe, expect, it } from 'vitest';
import { encodeModel, float32, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { scalarFeeds, slotsOf, writeUpdate, type OptimizerSpec } from './optimizers.js';
import type { Layout } from './parameters.js';
import { Random } from './random.js';
import { OPSET, Tape } from './tape.js';

const layout: Layout = {
  size: 5,
  entries: [
    { name: 'w', role: 'weight', shape: [3], offset: 0, size: 3 },
    { name: 'b', role: 'bias', shape: [2], offset: 3, size: 2 },
  ],
};

function updateModel(spec: OptimizerSpec): Model {
  const t = new Tape('t.');
  const [p, g] = [t.declare('p', [5]), t.declare('g', [5])];
  const slots = slotsOf(spec).map((s) => t.declare(s, [5]));
  const updated = writeUpdate(t, spec, layout, p, g, slots);
  const info = (name: string) => ({
    name,
    type: { kind: 'tensor' as const, dtype: 'float32' as const, shape: t.shape(name) },
  });
  const used = new Set(t.nodes.flatMap((n) => n.inputs));
  const inputs = [...t.shapes.keys()].filter(
    (n) => used.has(n) && !t.initializers.has(n) && !t.nodes.some((x) => x.outputs[0] === n),
  );
  const graph = {
    name: 'update',
    inputs: inputs.map(info),
    outputs: [updated.parameters, ...updated.slots].map(info),
    nodes: t.nodes,
    initializers: t.initializers,
    sparseInitializers: [],
    values: new Map(),
  };
  return { irVersion: 10, opsets: new Map([['', OPSET]]), graph, functions: [], metadata: new Map() };
}

type Reference = (p: number[], g: number[], slots: number[][], lr: number, t: number) => void;

/** ONNX ai.onnx.preview.training, operator Momentum, in double precision; decay for the first three elements only. */
const momentum =
  (mu: number, nesterov: boolean, decay: number): Reference =>
  (p, g, [v], lr) => {
    for (let i = 0; i < 5; i++) {
      const regularized = g[i]! + (i < 3 ? decay : 0) * p[i]!;
      v![i] = mu * v![i]! + regularized;
      p[i]! -= lr * (nesterov ? regularized + mu * v![i]! : v![i]!);
    }
  };

/** AdamW, algorithm 2 of arXiv:1711.05101 with the schedule multiplier in lr. */
const adamw =
  (b1: number, b2: number, epsilon: number, decay: number): Reference =>
  (p, g, [m, v], lr, t) => {
    for (let i = 0; i < 5; i++) {
      m![i] = b1 * m![i]! + (1 - b1) * g[i]!;
      v![i] = b2 * v![i]! + (1 - b2) * g[i]! ** 2;
      const step = m![i]! / (1 - b1 ** t) / (Math.sqrt(v![i]! / (1 - b2 ** t)) + epsilon);
      p[i]! -= lr * (step + (i < 3 ? decay : 0) * p[i]!);
    }
  };

const cases: readonly [string, OptimizerSpec, Reference][] = [
  [
    'SGD with momentum',
    { name: 'sgd', learningRate: 0.1, momentum: 0.9, weightDecay: 0.01 },
    momentum(0.9, false, 0.01),
  ],
  ['Nesterov', { name: 'sgd', learningRate: 0.1, momentum: 0.8, nesterov: true }, momentum(0.8, true, 0)],
  ['AdamW', { name: 'adamw', learningRate: 0.1, weightDecay: 0.05 }, adamw(0.9, 0.999, 1e-8, 0.05)],
  [
    'AdamW, other constants',
    { name: 'adamw', learningRate: 0.1, beta1: 0.8, beta2: 0.9, epsilon: 1e-3, weightDecay: 0 },
    adamw(0.8, 0.9, 1e-3, 0),
  ],
];

describe('optimisers against their definitions in double precision', () => {
  for (const [name, spec, reference] of cases) {
    it(`${name}, ten steps`, async () => {
      const session = await createSession(encodeModel(updateModel(spec)));
      const random = new Random(2, name);
      const p = Array.from({ length: 5 }, () => random.uniform(-1, 1));
      const slots = slotsOf(spec).map(() => [0, 0, 0, 0, 0]);
      let state: Tensor[] = [p, ...slots].map((v) => float32([5], v));
      for (let t = 1; t <= 10; t++) {
        const g = Array.from({ length: 5 }, () => random.uniform(-1, 1));
        const lr = 0.1 / t;
        const scalars = Object.entries(scalarFeeds(spec, lr, t)).map(([k, v]) => [k, float32([], [v])] as const);
        const feeds: Record<string, Tensor> = { p: state[0]!, g: float32([5], g), ...Object.fromEntries(scalars) };
        slotsOf(spec).forEach((s, i) => (feeds[s] = state[i + 1]!));
        const out = await session.run(feeds);
        state = session.outputNames.map((n) => out[n]!);
        reference(p, g, slots, lr, t);
      }
      [p, ...slots].forEach((want, i) => {
        const got = state[i]!.data as Float32Array;
        want.forEach((w, j) => expect(Math.abs(got[j]! - w)).toBeLessThan(2e-6 * Math.max(1, Math.abs(w))));
      });
      await session.release();
    });
  }
});
