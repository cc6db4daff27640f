import { describe, expect, it } from 'vitest';
import { elementCount, encodeModel, float32, GraphBuilder, ints, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { poolFirst } from './pool-first.js';
import { companionValue, projectionValue } from '../distill-companion.js';
import { prepareForward } from '../forward.js';
import { Random } from '../random.js';
import { buildTrainingModel } from '../training-model.js';

const window = { kernel_shape: ints([3, 3]), strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) };

/** Conv, Relu, MaxPool; `read` says whether something else reads what the Relu gives. */
function network(read = false): Model {
  const random = new Random(1, 'weights');
  const w = Float32Array.from({ length: 4 * 2 * 9 }, () => random.uniform(-1, 1));
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['N', 2, 7, 7]);
  const z = b.node('Conv', [x, b.initializer('w', float32([4, 2, 3, 3], w))], { pads: ints([1, 1, 1, 1]) });
  const y = b.node('MaxPool', [b.node('Relu', [z], {}, 1, { outputNames: ['rectified'] })], window);
  const pooled = read ? b.node('Add', [y, b.node('MaxPool', ['rectified'], window)]) : y;
  b.output(pooled, 'float32', ['N', 4, 4, 4]);
  return b.build();
}

const order = (model: Model): string[] => model.graph.nodes.map((n) => n.op);

describe('pooling before rectifying', () => {
  it('gives the same numbers on fewer elements', async () => {
    const model = network();
    const { graph } = poolFirst(prepareForward(model, 2), new Set());
    expect(order({ ...model, graph })).toEqual(['Conv', 'MaxPool', 'Relu']);
    const random = new Random(2, 'input');
    const x = float32(
      [2, 2, 7, 7],
      Float32Array.from({ length: elementCount([2, 2, 7, 7]) }, () => random.uniform(-1, 1)),
    );
    const results = [];
    for (const one of [model, { ...model, graph }]) {
      const session = await createSession(encodeModel(one));
      results.push(Object.values(await session.run({ x }))[0]);
      await session.release();
    }
    expect(results[1]).toEqual(results[0]);
  });

  it('keeps what a teacher is compared with through a projection', async () => {
    const model = network();
    const projections = [{ student: 'rectified', teacher: 'rectified' }];
    const step = buildTrainingModel(model, {
      loss: { kind: 'hint', student: projectionValue(0), teacher: companionValue('rectified') },
      optimizer: { name: 'sgd', learningRate: 0.1 },
      batch: 2,
      companion: { model, projections },
    });
    expect(step.model.graph.nodes.flatMap((n) => n.outputs)).toContain('rectified');
    await (await createSession(encodeModel(step.model))).release();
  });

  it('leaves values alone that something else reads, or that are read by name', () => {
    const shared = prepareForward(network(true), 2);
    expect(poolFirst(shared, new Set())).toBe(shared);
    const named = prepareForward(network(), 2);
    expect(poolFirst(named, new Set(['rectified']))).toBe(named);
  });
});
