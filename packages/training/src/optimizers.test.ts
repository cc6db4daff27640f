import { describe, expect, it } from 'vitest';
import {
  attrFloat,
  attrInt,
  attrString,
  decodeModel,
  decodeTensor,
  encodeModel,
  float32,
  type Node,
  type Tensor,
} from '@verge/onnx';
import { dataFolder, nodeCases } from '@verge/onnx/conformance';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from './architectures/registry.js';
import {
  isElementwise,
  LEARNING_RATE,
  scalarFeeds,
  scalarNames,
  slotsOf,
  writeUpdate,
  type OptimizerSpec,
} from './optimizers.js';
import { LABELS } from './losses.js';
import { packFrom, type Layout } from './parameters.js';
import { finish, nextOf, PARAMETERS } from './step-parts.js';
import { Tape } from './tape.js';
import { buildTrainingModel } from './training-model.js';

/** Runs one update of a flat vector. */
async function update(
  spec: OptimizerSpec,
  state: { p: Float32Array; g: Float32Array; slots: Float32Array[] },
  scalars: Record<string, number>,
): Promise<Float32Array[]> {
  const size = state.p.length;
  const layout: Layout = { size, entries: [{ name: 'w', role: 'weight', shape: [size], offset: 0, size }] };
  const t = new Tape('t.');
  const [p, g] = [t.declare('p', [size]), t.declare('g', [size])];
  const slots = slotsOf(spec).map((s) => t.declare(s, [size]));
  const updated = writeUpdate(t, spec, layout, p, g, slots);
  const outputs = [updated.parameters, ...updated.slots];
  const session = await createSession(encodeModel(finish(t, 'u', [p, g, ...slots, ...scalarNames(spec)], outputs)));
  const feeds: Record<string, Tensor> = { p: float32([size], state.p), g: float32([size], state.g) };
  slotsOf(spec).forEach((s, i) => (feeds[s] = float32([size], state.slots[i]!)));
  for (const [name, value] of Object.entries(scalars)) feeds[name] = float32([], [value]);
  const out = await session.run(feeds);
  await session.release();
  return outputs.map((name) => out[name]!.data as Float32Array);
}

/** One stored case: R, T, X.., G.., state.. in; X.., state.. out. */
interface Stored {
  readonly node: Node;
  readonly rate: number;
  readonly count: number;
  readonly inputs: Float32Array[];
  readonly outputs: Float32Array[];
}

function storedCase(files: ReadonlyMap<string, Uint8Array>, name: string): Stored {
  const folder = `onnx/backend/test/data/node/${name}`;
  const node = decodeModel(files.get(`${folder}/model.onnx`)!).graph.nodes[0]!;
  const tensor = (kind: string, i: number): ArrayLike<number | bigint> => {
    const { value } = decodeTensor(files.get(`${folder}/test_data_set_0/${kind}_${i}.pb`)!);
    return (value as Tensor & { data: ArrayLike<number | bigint> }).data;
  };
  const floats = (kind: string, i: number): Float32Array => Float32Array.from(tensor(kind, i) as Float32Array);
  return {
    node,
    rate: Number(tensor('input', 0)[0]),
    count: Number(tensor('input', 1)[0]),
    inputs: node.inputs.slice(2).map((_, i) => floats('input', i + 2)),
    outputs: node.outputs.map((_, i) => floats('output', i)),
  };
}

const close = (got: Float32Array, want: Float32Array, factor = 1): void => {
  expect(got).toHaveLength(want.length);
  // The stored outputs are float32 too: a few units in the last place.
  want.forEach((w, i) => expect(Math.abs(got[i]! * factor - w)).toBeLessThan(2e-6 * Math.max(1, Math.abs(w))));
};

const data = dataFolder("ONNX's own test cases of optimisers");

describe.skipIf(!data)('optimisers against ai.onnx.preview.training', () => {
  const files = new Map((data ? nodeCases(data) : []).map(({ path, bytes }) => [path, bytes]));

  for (const name of ['test_adagrad', 'test_adagrad_multiple']) {
    it(name, async () => {
      const { node, rate, count, inputs, outputs } = storedCase(files, name);
      const spec: OptimizerSpec = {
        name: 'adagrad',
        learningRate: rate,
        lrDecay: attrFloat(node, 'decay_factor', 0),
        epsilon: attrFloat(node, 'epsilon', 0),
        weightDecay: attrFloat(node, 'norm_coefficient', 0),
      };
      const n = inputs.length / 3;
      for (let i = 0; i < n; i++) {
        const state = { p: inputs[i]!, g: inputs[n + i]!, slots: [inputs[2 * n + i]!] };
        const [x, h] = await update(spec, state, scalarFeeds(spec, rate, count + 1));
        close(x!, outputs[i]!);
        close(h!, outputs[n + i]!);
      }
    });
  }

  for (const name of ['test_momentum', 'test_momentum_multiple', 'test_nesterov_momentum']) {
    it(name, async () => {
      const { node, rate, count, inputs, outputs } = storedCase(files, name);
      const spec: OptimizerSpec = {
        name: 'sgd',
        learningRate: rate,
        momentum: attrFloat(node, 'alpha', 0),
        dampening: 1 - attrFloat(node, 'beta', 1),
        nesterov: attrString(node, 'mode', '') === 'nesterov',
        weightDecay: attrFloat(node, 'norm_coefficient', 0),
      };
      const n = inputs.length / 3;
      for (let i = 0; i < n; i++) {
        const state = { p: inputs[i]!, g: inputs[n + i]!, slots: [inputs[2 * n + i]!] };
        const [x, v] = await update(spec, state, scalarFeeds(spec, rate, count + 1));
        close(x!, outputs[i]!);
        close(v!, outputs[n + i]!);
      }
    });
  }

  for (const name of ['test_adam', 'test_adam_multiple']) {
    it(name, async () => {
      const { node, rate, count, inputs, outputs } = storedCase(files, name);
      const [beta1, beta2] = [attrFloat(node, 'alpha', 0.9), attrFloat(node, 'beta', 0.999)];
      const spec: OptimizerSpec = {
        name: 'adam',
        learningRate: rate,
        beta1,
        beta2,
        // The cases count updates from 0 and correct no bias then, and epsilon stands beside an uncorrected root: as
        // after so many steps that the corrections are 1.
        epsilon: attrFloat(node, 'epsilon', 0),
        weightDecay: attrFloat(node, 'norm_coefficient', 0),
      };
      expect([count, attrInt(node, 'norm_coefficient_post', 0)]).toEqual([0, 0]);
      const n = inputs.length / 4;
      const over = (v: Float32Array, beta: number): Float32Array => v.map((x) => x / (1 - beta));
      for (let i = 0; i < n; i++) {
        const slots = [over(inputs[2 * n + i]!, beta1), over(inputs[3 * n + i]!, beta2)];
        const state = { p: inputs[i]!, g: inputs[n + i]!, slots };
        const [x, v, h] = await update(spec, state, scalarFeeds(spec, rate, 1e9));
        close(x!, outputs[i]!);
        close(v!, outputs[n + i]!, 1 - beta1);
        close(h!, outputs[2 * n + i]!, 1 - beta2);
      }
    });
  }
});

const mlp = buildArchitecture('mlp', { input: [4], classes: 3, params: { hidden: [5] } }, 1);
const build = (optimizer: OptimizerSpec) =>
  buildTrainingModel(mlp, { loss: { kind: 'cross-entropy' }, optimizer, batch: 2 });

describe('parameter groups', () => {
  it('leaves frozen parameters out of the vectors', () => {
    const all = build({ name: 'sgd', learningRate: 0.1 }).parameters;
    const first = all.entries[0]!.name;
    const rest = build({ name: 'sgd', learningRate: 0.1, groups: [{ match: [first], frozen: true }] }).parameters;
    expect(rest.entries.map((e) => e.name)).toEqual(all.entries.slice(1).map((e) => e.name));
    expect(rest.size).toBe(all.size - all.entries[0]!.size);
  });

  it('names every pattern that fits nothing', () => {
    const groups = [{ match: ['*', 'nowhere.*'] }, { match: ['never'] }];
    expect(() => build({ name: 'sgd', learningRate: 0.1, decayExcluded: ['*x*y'], groups })).toThrow(
      expect.objectContaining({ code: 'bad-options', problems: expect.objectContaining({ length: 3 }) as unknown }),
    );
  });

  it('names every setting that is out of range', () => {
    const bad: OptimizerSpec = {
      name: 'adam',
      learningRate: 0.1,
      beta2: 1,
      epsilon: 0,
      groups: [{ match: ['*'], weightDecay: -1 }],
    };
    expect(() => build(bad)).toThrow(
      expect.objectContaining({ code: 'bad-options', problems: expect.objectContaining({ length: 3 }) as unknown }),
    );
    expect(() => build({ name: 'sgd', learningRate: 0.1, nesterov: true, momentum: 0 })).toThrow(
      expect.objectContaining({ problems: ['nesterov: it needs momentum, and no dampening'] }),
    );
  });

  it('writes no decay where no element has any', () => {
    const ops = (optimizer: OptimizerSpec): number => build(optimizer).model.graph.nodes.length;
    const plain = ops({ name: 'sgd', learningRate: 0.1 });
    expect(ops({ name: 'sgd', learningRate: 0.1, weightDecay: 0.1, decayExcluded: ['*'] })).toBe(plain);
    expect(ops({ name: 'sgd', learningRate: 0.1, weightDecay: 0.1 })).toBe(plain + 2);
  });
});

describe('limits to the gradient', () => {
  /** What the parameters lose in a step of plain descent at a rate of 1: the gradient as it is used. */
  async function gradient(limits: { maxGradientNorm?: number; maxGradientValue?: number }): Promise<Float32Array> {
    const optimizer: OptimizerSpec = { name: 'sgd', learningRate: 1, momentum: 0 };
    const built = buildTrainingModel(mlp, { loss: { kind: 'cross-entropy' }, optimizer, batch: 2, ...limits });
    const before = packFrom(mlp.graph, built.parameters);
    const session = await createSession(encodeModel(built.model));
    const out = await session.run({
      [built.input.name]: float32([2, 4], [3, -1, 2, 5, -4, 2, 0, 1]),
      [LABELS]: { dtype: 'int32', dims: [2], data: Int32Array.of(0, 2) },
      [PARAMETERS]: float32([before.length], before),
      [LEARNING_RATE]: float32([], [1]),
    });
    await session.release();
    return (out[nextOf(PARAMETERS)]!.data as Float32Array).map((v, i) => before[i]! - v);
  }

  it('cut elements off after the norm was shortened', async () => {
    const free = await gradient({});
    const norm = Math.sqrt(free.reduce((sum, v) => sum + v * v, 0));
    const [shortened, cut, both] = [
      await gradient({ maxGradientNorm: norm / 4 }),
      await gradient({ maxGradientValue: 0.05 }),
      await gradient({ maxGradientNorm: norm / 4, maxGradientValue: 0.05 }),
    ];
    const bounded = (v: number): number => Math.max(-0.05, Math.min(0.05, v));
    free.forEach((v, i) => {
      expect(Math.abs(shortened[i]! - v / 4)).toBeLessThan(1e-6);
      expect(Math.abs(cut[i]! - bounded(v))).toBeLessThan(1e-6);
      expect(Math.abs(both[i]! - bounded(v / 4))).toBeLessThan(1e-6);
    });
    expect(free.filter((v) => Math.abs(v / 4) > 0.05).length).toBeGreaterThan(3);
  });
});

describe('isElementwise', () => {
  it('holds for all but the one that looks at whole tensors', () => {
    const names = ['sgd', 'adam', 'adamw', 'rmsprop', 'adagrad', 'lamb'] as const;
    expect(names.filter((name) => !isElementwise({ name, learningRate: 1 }))).toEqual(['lamb']);
  });
});
