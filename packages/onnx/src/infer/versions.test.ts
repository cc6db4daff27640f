import { createSession } from '../conformance/executor.js';
import { describe, expect, it } from 'vitest';
import {
  encodeModel,
  float32,
  floats,
  GraphBuilder,
  inferShapes,
  int,
  int64,
  ints,
  str,
  type Attributes,
  type Dim,
  type Tensor,
} from '../index.js';

/** One form of an operator: the operator set, constants after `x`, attributes. */
type Form = [opset: number, constants: readonly (Tensor | null)[], attributes?: Attributes];

/** A form before and one after an attribute became an input, or a default changed, and the shape that both give. */
type Change = [op: string, x: readonly number[], before: Form, after: Form, shape: readonly Dim[], outputs?: number];

const one = (...values: number[]): Tensor => int64([values.length], values);
const scalar = (value: number): Tensor => int64([], [value]);

const CHANGES: Change[] = [
  ['Squeeze', [1, 3, 1], [11, [], { axes: ints([0]) }], [13, [one(0)]], [3, 1]],
  ['Unsqueeze', [3], [11, [], { axes: ints([0, 2]) }], [13, [one(0, 2)]], [1, 3, 1]],
  [
    'ReduceSum',
    [2, 3, 4],
    [11, [], { axes: ints([1]), keepdims: int(0) }],
    [13, [one(1)], { keepdims: int(0) }],
    [2, 4],
  ],
  ['ReduceMax', [2, 3, 4], [13, [], { axes: ints([-1]) }], [18, [one(-1)]], [2, 3, 1]],
  ['ReduceL2', [2, 3], [13, [], { axes: ints([0]) }], [18, [one(0)]], [1, 3]],
  ['Split', [5, 2], [11, [], { split: ints([1, 4]) }], [13, [one(1, 4)]], [1, 2], 2],
  ['Split', [6, 2], [11, []], [18, [], { num_outputs: int(2) }], [3, 2], 2],
  ['Pad', [2, 3], [7, [], { pads: ints([0, 1, 2, 0]) }], [11, [one(0, 1, 2, 0)]], [4, 4]],
  ['Pad', [2, 3], [13, [one(0, 1, 0, 2)]], [18, [one(1, 2), null, one(1)]], [2, 6]],
  [
    'Slice',
    [5, 6],
    [9, [], { starts: ints([1]), ends: ints([-1]), axes: ints([1]) }],
    [10, [one(1), one(-1), one(1)]],
    [5, 4],
  ],
  ['TopK', [4, 6], [9, [], { k: int(2) }], [11, [one(2)]], [4, 2], 2],
  ['Clip', [2, 3], [7, []], [13, [float32([], [0])]], [2, 3]],
  [
    'Upsample',
    [1, 1, 2, 2],
    [7, [], { scales: floats([1, 1, 2, 3]) }],
    [9, [float32([4], [1, 1, 2, 3])]],
    [1, 1, 4, 6],
  ],
  ['Resize', [1, 1, 2, 2], [10, [float32([4], [1, 1, 2, 3])]], [13, [null, float32([4], [1, 1, 2, 3])]], [1, 1, 4, 6]],
  ['Dropout', [2, 3], [7, [], { ratio: { kind: 'float', value: 0.3 } }], [13, [float32([], [0.3])]], [2, 3]],
  ['Flatten', [2, 3, 4], [9, [], { axis: int(2) }], [13, [], { axis: int(-1) }], [6, 4]],
  ['DFT', [1, 6, 4, 1], [17, [], { axis: int(2) }], [20, [null, scalar(2)]], [1, 6, 4, 2]],
  ['DFT', [1, 6, 4, 1], [17, [], { onesided: int(1) }], [20, [null, scalar(1)], { onesided: int(1) }], [1, 4, 4, 2]],
  [
    'DepthToSpace',
    [1, 8, 2, 3],
    [7, [], { blocksize: int(2) }],
    [13, [], { blocksize: int(2), mode: str('CRD') }],
    [1, 2, 4, 6],
  ],
];

describe('operators whose form changed', () => {
  it.each(CHANGES)('%s of %j', async (op, x, before, after, shape, outputs = 1) => {
    for (const [opset, constants, attributes = {}] of [before, after]) {
      const b = new GraphBuilder();
      const inputs = [b.input('x', 'float32', x), ...constants.map((c) => (c ? b.constant(c) : ''))];
      const [first] = [b.node(op, inputs, attributes, outputs)].flat();
      b.graph.outputs.push({ name: first!, type: null });
      const model = b.build({ opset, irVersion: 8 });
      const type = inferShapes(model).graph.outputs[0]!.type;
      expect([opset, type]).toEqual([opset, { kind: 'tensor', dtype: 'float32', shape }]);
      const session = await createSession(encodeModel(model));
      const count = x.reduce((n, d) => n * d, 1);
      const result = await session.run({ x: float32(x, new Float32Array(count).fill(0.5)) });
      await session.release();
      expect([opset, result[first!]!.dims]).toEqual([opset, shape]);
    }
  });
});
