import { describe, expect, it } from 'vitest';
import { int, ints } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import { DATA_TYPES } from '../../datatypes.js';
import type { Dim } from '../../ir.js';
import { int64 } from '../../tensor.js';
import { EXACT, expectSameNumbers, network, ops, rewritten } from '../numbers.js';
import { removeNoOp } from './remove-no-op.js';

type Body = (b: GraphBuilder, x: string) => string;

const whole = (b: GraphBuilder, values: (number | bigint)[]): string => b.constant(int64([values.length], values));
const run = (shape: readonly Dim[], body: Body, opset = 21) =>
  network(shape, (b, x) => b.node('Neg', [body(b, x)]), { opset, irVersion: opset < 11 ? 7 : 10 });

/** Nodes that do nothing. */
const NOTHING: Record<string, [readonly Dim[], Body, number?]> = {
  AveragePool: [[1, 2, 3, 3], (b, x) => b.node('AveragePool', [x], { kernel_shape: ints([1, 1]) })],
  Cast: [['n', 2], (b, x) => b.node('Cast', [x], { to: int(DATA_TYPES.float32.code) })],
  Clip: [['n', 2], (b, x) => b.node('Clip', [x])],
  Concat: [['n', 2], (b, x) => b.node('Concat', [x], { axis: int(1) })],
  Expand: [[2, 3], (b, x) => b.node('Expand', [x, whole(b, [1, 3])])],
  Flatten: [['n', 4], (b, x) => b.node('Flatten', [x])],
  GlobalAveragePool: [['n', 2, 1, 1], (b, x) => b.node('GlobalAveragePool', [x])],
  Pad: [['n', 2], (b, x) => b.node('Pad', [x, whole(b, [0, 0, 0, 0])])],
  'Pad with attributes': [['n', 2], (b, x) => b.node('Pad', [x], { pads: ints([0, 0, 0, 0]) }), 10],
  ReduceSum: [['n', 1], (b, x) => b.node('ReduceSum', [x, whole(b, [1])])],
  Reshape: [['n', 4], (b, x) => b.node('Reshape', [x, whole(b, [0, 4])])],
  Slice: [[null, 4], (b, x) => b.node('Slice', [x, whole(b, [0]), whole(b, [2n ** 63n - 1n]), whole(b, [0])])],
  'Slice of known size': [['n', 4], (b, x) => b.node('Slice', [x, whole(b, [-4]), whole(b, [4]), whole(b, [1])])],
  Split: [['n', 4], (b, x) => b.node('Split', [x], { num_outputs: int(1) })],
  Sum: [['n', 4], (b, x) => b.node('Sum', [x])],
  Tile: [[2, 4], (b, x) => b.node('Tile', [x, whole(b, [1, 1])])],
  Transpose: [['n', 4], (b, x) => b.node('Transpose', [x], { perm: ints([0, 1]) })],
};

/** The same operators where they do something. */
const SOMETHING: Record<string, [readonly Dim[], Body]> = {
  'a larger window': [[1, 2, 3, 3], (b, x) => b.node('MaxPool', [x], { kernel_shape: ints([3, 3]), pads: ints([1, 1, 1, 1]) })], // prettier-ignore
  'another type': [['n', 2], (b, x) => b.node('Cast', [x], { to: int(DATA_TYPES.float64.code) })],
  'a reversal': [[4], (b, x) => b.node('Slice', [x, whole(b, [-1]), whole(b, [-9]), whole(b, [0]), whole(b, [-1])])],
  'a crop and a pad': [[4], (b, x) => b.node('Pad', [x, whole(b, [1, -1])])],
  'a transposed square': [[3, 3], (b, x) => b.node('Transpose', [x])],
  'two inputs': [[2], (b, x) => b.node('Max', [x, b.node('Neg', [x])])],
};

describe('remove-no-op', () => {
  it.each(Object.keys(NOTHING))('%s', async (name) => {
    const [shape, body, opset] = NOTHING[name]!;
    const model = run(shape, body, opset);
    const { model: result, fired } = rewritten(model, [removeNoOp]);
    expect(fired.length).toBe(1);
    expect(ops(result)).toEqual(['Neg']);
    await expectSameNumbers(model, result, EXACT);
  });

  it.each(Object.keys(SOMETHING))('keeps %s', (name) => {
    const { fired, declined } = rewritten(run(...SOMETHING[name]!), [removeNoOp]);
    expect([fired.length, declined.length]).toEqual([0, 1]);
  });
});
