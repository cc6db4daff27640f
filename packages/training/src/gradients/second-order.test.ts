/** Gradients of gradients: the nodes that a row wrote, differentiated like any others, against central differences. */
import { describe, expect, it } from 'vitest';
import { elementCount, float32, GraphBuilder, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { writeBackward, writeForward } from '../backward.js';
import { asApplied } from '../differentiate.js';
import { prepareForward } from '../forward.js';
import { Random } from '../random.js';
import { finish, publish, startTape } from '../step-parts.js';
import { OUTPUT } from '../training-model.js';
import { attentions, rotations } from './cases/attention.js';
import { modelOf, type Case } from './cases/case.js';
import { activations, elementwise } from './cases/elementwise.js';
import { indexing } from './cases/indexing.js';
import { layout } from './cases/layout.js';
import { products, transposedConvolutions } from './cases/linear.js';
import { normalization } from './cases/normalization.js';
import { pooling } from './cases/pooling.js';
import { reduction } from './cases/reduction.js';
import { differenceErrors } from './central-differences.js';
import type { Mode } from './row.js';

/** Its output is the gradient by the first input for one seed, and its gradients are those of that one. */
function secondOrder(model: Model, wrt: readonly string[], mode: Mode = 'eval'): Model {
  const forward = prepareForward(model, 1, true);
  const t = startTape(forward, new Set());
  const applied = writeForward(t, forward.graph.nodes, mode);
  const shape = t.shape(forward.output);
  const random = new Random(2, 'second order');
  const values = Float32Array.from({ length: elementCount(shape) }, () => random.uniform(0.5, 1.5));
  const inner = new Map([[forward.output, t.constant(float32(shape, values))]]);
  const first = writeBackward(t, applied, inner, new Set([wrt[0]!])).get(wrt[0]!)!;
  const seed = t.declare('seed', t.shape(first));
  const found = writeBackward(t, asApplied([...t.nodes]), new Map([[first, seed]]), new Set(wrt));
  const outputs = wrt.map((name) => publish(t, found.get(name) ?? t.zeros(t.shape(name)), `gradient.${name}`));
  const inputs = [...forward.graph.inputs.map((i) => i.name), seed];
  return finish(t, forward.graph.name, inputs, [publish(t, first, OUTPUT), ...outputs]);
}

/** One case of each operator whose gradient is smooth, and those that are written another way over long rows. */
const topics: readonly (readonly Case[])[] = [
  elementwise,
  activations,
  products,
  transposedConvolutions,
  pooling,
  normalization,
  reduction,
  layout,
  indexing,
  attentions,
  rotations,
];
const LEFT_OUT = new Set(['BatchNormalization', 'Dropout']);

const cases = topics.flatMap((list) => {
  const operators = new Set(list.map((c) => c.op).filter((op) => !LEFT_OUT.has(op)));
  return [...operators].map((op) => list.find((c) => c.op === op)!).concat(list.filter((c) => c.text === 'long rows'));
});

describe('second derivatives against central differences of the first', () => {
  for (const c of cases) {
    it(`${c.op}${c.text ? `: ${c.text}` : ''}`, async () => {
      const { model, feeds, wrt } = modelOf(c);
      const errors = await differenceErrors(secondOrder(model, wrt), createSession, {
        feeds,
        wrt,
        step: c.step ?? 0.02,
      });
      for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-3);
    });
  }

  const normalized = (): Model => {
    const b = new GraphBuilder();
    const of = (value: number): string => b.constant(float32([2], [value, -value]));
    const statistics = [of(0.5), of(0.1), of(0.2), b.constant(float32([2], [1, 2]))];
    const normal = b.node('BatchNormalization', [b.input('x', 'float32', [3, 2, 3, 3]), ...statistics]);
    b.output(b.node('Tanh', [normal]), 'float32', null);
    return b.build();
  };

  it('BatchNormalization with constant statistics', async () => {
    const x = Float32Array.from({ length: 54 }, (_, i) => Math.sin(i));
    const feeds = { x: float32([3, 2, 3, 3], x) };
    const model = secondOrder(normalized(), ['x']);
    const errors = await differenceErrors(model, createSession, { feeds, wrt: ['x'], step: 0.02 });
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-3);
  });

  it('BatchNormalization with those of the batch says that it has none', () => {
    expect(() => secondOrder(normalized(), ['x'], 'train')).toThrow(expect.objectContaining({ code: 'no-gradient' }));
  });
});
