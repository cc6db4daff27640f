/** Rolled values, and pads of no width, against their written form. */
import { elementCount, encodeModel, float32, GraphBuilder, int, int64, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { describe, expect, it } from 'vitest';
import { prepareForward } from '../forward.js';
import { Random } from '../random.js';
import { oneStep } from '../transfer/one-step.js';
import { lowered } from './index.js';
import { rolls } from './rolls.js';

const random = new Random(5, 'rolls');
const drawn = (dims: readonly number[]) =>
  float32(
    dims,
    Float32Array.from({ length: elementCount(dims) }, () => random.uniform(-1, 1)),
  );

interface Cut {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
}
const LAST = 2n ** 63n - 1n;

/** A product whose [n, 6, 4] is cut along an axis and joined again, weighted and summed; then a pad of no width. */
function network(first: Cut, second: Cut, joinedAt = first.axis): Model {
  const b = new GraphBuilder();
  const w = b.initializer('w', drawn([5, 24]));
  const z = b.node('Reshape', [
    b.node('MatMul', [b.input('x', 'float32', ['n', 5]), w]),
    b.constant(int64([3], [0, 6, 4])),
  ]);
  const ends = (to: number) =>
    to === Infinity ? { ...int64([1], [0]), data: BigInt64Array.of(LAST) } : int64([1], [to]);
  const parts = [first, second].map(({ axis, from, to }) =>
    b.node('Slice', [z, b.constant(int64([1], [from])), b.constant(ends(to)), b.constant(int64([1], [axis]))]),
  );
  const joined = b.node('Concat', parts, { axis: int(joinedAt) });
  const padded = b.node('Pad', [joined, b.constant(int64([6], [0, 0, 0, 0, 0, 0]))]);
  const weighted = b.node('Mul', [padded, b.constant(drawn([1, 6, 4]))]);
  b.output(b.node('ReduceMean', [weighted, b.constant(int64([1], [2]))], { keepdims: int(0) }), 'float32', ['n', 6]);
  return b.build();
}

describe('rolled values', () => {
  it.each([
    ['forwards', { axis: 1, from: 2, to: Infinity }, { axis: 1, from: 0, to: 2 }],
    ['backwards', { axis: 1, from: -2, to: Infinity }, { axis: 1, from: 0, to: -2 }],
    ['along a negative axis', { axis: -1, from: 3, to: 4 }, { axis: -1, from: 0, to: 3 }],
  ])('%s are one Gather, with the outputs and gradients of the parts', async (_, first, second) => {
    const model = network(first, second);
    const forward = prepareForward(model, 3);
    const { graph } = lowered(forward, new Set());
    expect(graph.nodes.filter((n) => ['Gather', 'Slice', 'Concat', 'Pad'].includes(n.op)).map((n) => n.op)).toEqual([
      'Gather',
    ]);
    const run = async (of: typeof graph): Promise<unknown> => {
      const session = await createSession(encodeModel({ ...model, graph: of }), { optimization: 'disabled' });
      const result = Object.values(await session.run({ x }))[0]!.data;
      await session.release();
      return result;
    };
    const x = drawn([3, 5]);
    expect(await run(graph)).toEqual(await run(forward.graph));
    const { errors } = await oneStep(model, createSession, [5]);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-4);
  });

  it.each([
    ['a place twice', { axis: 1, from: 2, to: 6 }, { axis: 1, from: 1, to: 3 }],
    ['an end left out', { axis: 1, from: 1, to: 4 }, { axis: 1, from: 0, to: 3 }],
    ['the parts in their order', { axis: 1, from: 0, to: 2 }, { axis: 1, from: 2, to: 6 }],
  ])('are not seen in %s', (_, first, second) => {
    const forward = prepareForward(network(first, second), 3);
    expect(rolls(forward, new Set())).toBe(forward);
  });

  it('keep the parts that something reads by name', () => {
    const forward = prepareForward(network({ axis: 1, from: 2, to: 6 }, { axis: 1, from: 0, to: 2 }), 3);
    const slice = forward.graph.nodes.find((n) => n.op === 'Slice')!.outputs[0]!;
    const { nodes } = rolls(forward, new Set([slice])).graph;
    expect(nodes.filter((n) => n.op === 'Slice').map((n) => n.outputs[0])).toEqual([slice]);
  });
});
