/** Models of older opsets, lifted and differentiated, against the same models run as they are. */
import { describe, expect, it } from 'vitest';
import {
  elementCount,
  encodeModel,
  float,
  float32,
  floats,
  GraphBuilder,
  int,
  int64,
  ints,
  str,
  type Attribute,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { gradientErrors } from './gradients/central-differences.js';
import { Random } from './random.js';
import { buildVectorJacobianModel, OUTPUT } from './training-model.js';

interface Old {
  readonly text: string;
  readonly opset: number;
  readonly op: string;
  readonly shape: readonly number[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Inputs behind the first. */
  readonly more?: readonly Tensor[];
  readonly outputs?: number;
}

const numbers = (...values: number[]): Tensor => float32([values.length], values);
const scales = (...values: number[]) => ({ mode: str('nearest'), scales: floats(values) });

const models: readonly Old[] = [
  { text: 'flattens from axis 1', opset: 9, op: 'Softmax', shape: [2, 3, 2] },
  { text: 'flattens all axes', opset: 11, op: 'LogSoftmax', shape: [2, 3], attributes: { axis: int(0) } },
  { text: 'last axis of three', opset: 12, op: 'Softmax', shape: [2, 2, 3], attributes: { axis: int(-1) } },
  { text: 'flattens two axes', opset: 11, op: 'Hardmax', shape: [2, 2, 3] },
  { text: 'scales as an attribute', opset: 7, op: 'Upsample', shape: [1, 2, 2, 3], attributes: scales(1, 1, 2, 3) },
  {
    text: 'scales as an input, linear',
    opset: 9,
    op: 'Upsample',
    shape: [1, 1, 3, 2],
    attributes: { mode: str('linear') },
    more: [numbers(1, 1, 2, 2)],
  },
  { text: 'nearest', opset: 10, op: 'Resize', shape: [1, 1, 3, 4], more: [numbers(1, 1, 2, 0.5)] },
  {
    text: 'linear',
    opset: 10,
    op: 'Resize',
    shape: [1, 1, 3, 4],
    attributes: { mode: str('linear') },
    more: [numbers(1, 1, 1.5, 2)],
  },
  { text: 'k as an attribute', opset: 9, op: 'TopK', shape: [2, 5], attributes: { k: int(3) }, outputs: 2 },
  { text: 'equal parts', opset: 11, op: 'Split', shape: [2, 6], attributes: { axis: int(1) }, outputs: 3 },
  {
    text: 'sizes',
    opset: 11,
    op: 'Split',
    shape: [2, 6],
    attributes: { axis: int(1), split: ints([4, 2]) },
    outputs: 2,
  },
  {
    text: 'old name',
    opset: 10,
    op: 'Scatter',
    shape: [3, 2],
    more: [int64([1, 2], [2, 0]), float32([1, 2], [0.3, -0.7])],
  },
  {
    text: 'bilinear',
    opset: 16,
    op: 'GridSample',
    shape: [1, 1, 2, 3],
    attributes: { mode: str('bilinear') },
    more: [float32([1, 1, 2, 2], [0.3, -0.7, 0.1, 0.6])],
  },
  { text: 'axes', opset: 12, op: 'ReduceSum', shape: [2, 3], attributes: { axes: ints([1]) } },
  { text: 'axes', opset: 13, op: 'ReduceLogSumExp', shape: [2, 3], attributes: { axes: ints([0]), keepdims: int(0) } },
  { text: 'axes', opset: 11, op: 'Squeeze', shape: [2, 1, 3], attributes: { axes: ints([1]) } },
  { text: 'axes', opset: 11, op: 'Unsqueeze', shape: [2, 3], attributes: { axes: ints([0]) } },
  { text: 'pads', opset: 10, op: 'Pad', shape: [2, 3], attributes: { pads: ints([1, 0, 0, 2]), value: float(0.5) } },
  { text: 'mode', opset: 10, op: 'Pad', shape: [2, 3], attributes: { pads: ints([0, 2, 1, 0]), mode: str('reflect') } },
  { text: 'bounds', opset: 9, op: 'Slice', shape: [4, 3], attributes: { starts: ints([1]), ends: ints([9]) } },
  { text: 'bounds', opset: 7, op: 'Clip', shape: [2, 3], attributes: { min: float(-0.6) } },
  { text: 'ratio', opset: 10, op: 'Dropout', shape: [2, 3], attributes: { ratio: float(0.4) } },
  {
    text: 'by group',
    opset: 18,
    op: 'GroupNormalization',
    shape: [1, 4, 3],
    attributes: { num_groups: int(2) },
    more: [numbers(0.5, 1.5), numbers(0.1, -0.2)],
  },
];

describe('an older model lifted', () => {
  for (const old of models) {
    it(`${old.op} of opset ${old.opset}: ${old.text}`, async () => {
      const b = new GraphBuilder();
      const more = (old.more ?? []).map((value, i) => b.initializer(`c${i}`, value));
      const outputNames = Array.from({ length: old.outputs ?? 1 }, (_, i) => `y${i}`);
      b.node(old.op, [b.input('x', 'float32', old.shape), ...more], old.attributes ?? {}, outputNames.length, {
        outputNames,
      });
      b.output('y0', 'float32', null);
      const model = b.build({ opset: old.opset, irVersion: 8 });
      const count = elementCount(old.shape);
      // Shuffled multiples of 0.3 beside 0: no difference crosses a kink.
      const order = new Random(7, old.op, old.text).permutation(count);
      const x = float32(
        old.shape,
        Array.from(order, (i) => (i - Math.floor(count / 2)) * 0.3 + 0.14),
      );
      const [plain, lifted] = [
        await createSession(encodeModel(model)),
        await createSession(encodeModel(buildVectorJacobianModel(model, { wrt: ['x'], mode: 'eval' }))),
      ];
      const want = (await plain.run({ x }))['y0']!;
      const seed: Record<string, Tensor> = lifted.inputNames.includes('seed') ? { seed: want } : {};
      const got = (await lifted.run({ x, ...seed }))[OUTPUT]!;
      expect(got.dims).toEqual(want.dims);
      (want.data as Float32Array).forEach((v, i) => expect(got.data[i]).toBeCloseTo(v, 6));
      await Promise.all([plain.release(), lifted.release()]);
      const errors = await gradientErrors(model, createSession, { feeds: { x }, wrt: ['x'], mode: 'eval' });
      expect(errors.get('x')).toBeLessThan(1e-4);
    });
  }

  it('has the sizes that it works out as constants, so that slices of them have a gradient', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [3, 8]);
    const one = b.constant(int64([1], [1]));
    const width = b.node('Gather', [b.node('Shape', [x]), one]);
    const half = b.node('Div', [width, b.constant(int64([1], [2]))]);
    const left = b.node('Slice', [x, b.constant(int64([1], [0])), half, one]);
    const square = b.node('Concat', [b.constant(int64([1], [-1])), half], { axis: int(0) });
    const right = b.node('Reshape', [b.node('Slice', [x, half, width, one]), square]);
    b.output(b.node('Mul', [left, b.node('Tanh', [right])]), 'float32', null);
    const feeds = {
      x: float32(
        [3, 8],
        Array.from({ length: 24 }, (_, i) => Math.sin(i)),
      ),
    };
    const errors = await gradientErrors(b.build(), createSession, { feeds, wrt: ['x'] });
    expect(errors.get('x')).toBeLessThan(1e-4);
    const ops = buildVectorJacobianModel(b.build(), { wrt: ['x'] }).graph.nodes.map((n) => n.op);
    expect(ops.filter((op) => op === 'Shape' || op === 'Gather' || op === 'Div')).toEqual([]);
  });

  it('is refused outside the opsets 7 to 26', () => {
    for (const opset of [6, 27]) {
      const b = new GraphBuilder();
      b.output(b.node('Relu', [b.input('x', 'float32', [2])]), 'float32', null);
      expect(() => buildVectorJacobianModel(b.build({ opset }), { wrt: ['x'] })).toThrow(
        expect.objectContaining({ code: 'bad-model' }),
      );
    }
  });
});
