import { createSession } from '../conformance/executor.js';
import { describe, expect, it } from 'vitest';
import { float, floats, graphAttr, int, ints, str } from '../attributes.js';
import { GraphBuilder, opsetVersion } from '../builder.js';
import type { Attribute, Dim, Model } from '../ir.js';
import { compareModels } from '../simplify/compare.js';
import { float32, int64, type DataType, type Tensor } from '../tensor.js';
import { convertOpset } from './convert.js';

interface Shape {
  readonly shape?: readonly Dim[];
  readonly dtype?: DataType;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Further inputs; '' for one that is left out. */
  readonly inputs?: readonly (Tensor | '')[];
  readonly outputs?: number;
}

/** A model of one node that reads x. */
function one(op: string, opset: number, { shape = [2, 3, 4], dtype = 'float32', ...rest }: Shape = {}): Model {
  const b = new GraphBuilder();
  const x = b.input('x', dtype, shape);
  const inputs = [x, ...(rest.inputs ?? []).map((t) => (t === '' ? '' : b.constant(t)))];
  const made = [b.node(op, inputs, rest.attributes ?? {}, (rest.outputs ?? 1) as 2)].flat();
  const model = b.build({ opset, irVersion: opset < 9 ? 4 : 8 });
  // ONNX Runtime finds their types.
  for (const name of made) model.graph.outputs.push({ name, type: null });
  return model;
}
const ops = (model: Model): string[] => model.graph.nodes.map((node) => node.op);
const ramp = (...dims: number[]): Tensor =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)),
  );

type Row = [name: string, from: Model, to: number, ops: string[]];

const up: Row[] = [
  ['Softmax over the last axis', one('Softmax', 11, { attributes: { axis: int(2) } }), 13, ['Softmax']],
  ['Softmax over all axes from the second', one('Softmax', 11), 13, ['Shape', 'Flatten', 'Softmax', 'Reshape']],
  [
    'LogSoftmax of open sizes',
    one('LogSoftmax', 12, { shape: ['n', 'm', 4] }),
    21,
    ['Shape', 'Flatten', 'LogSoftmax', 'Reshape'],
  ],
  ['Clip', one('Clip', 9, { attributes: { min: float(-0.5), max: float(0.25) } }), 13, ['Clip']],
  ['Clip without a lower bound', one('Clip', 9, { attributes: { max: float(0.25) } }), 11, ['Clip']],
  ['Pad', one('Pad', 9, { attributes: { pads: ints([0, 1, 0, 0, 0, 2]), value: float(3) } }), 21, ['Pad']],
  [
    'Pad by reflection',
    one('Pad', 9, { attributes: { pads: ints([0, 1, 0, 0, 0, 2]), mode: str('reflect') } }),
    13,
    ['Pad'],
  ],
  ['Slice', one('Slice', 9, { attributes: { starts: ints([1]), ends: ints([3]), axes: ints([2]) } }), 13, ['Slice']],
  ['Squeeze', one('Squeeze', 11, { shape: [2, 1, 3], attributes: { axes: ints([-2]) } }), 13, ['Squeeze']],
  ['Unsqueeze', one('Unsqueeze', 9, { attributes: { axes: ints([1]) } }), 18, ['Unsqueeze']],
  ['Split', one('Split', 11, { attributes: { axis: int(2), split: ints([1, 3]) }, outputs: 2 }), 18, ['Split']],
  ['Split in equal parts', one('Split', 13, { attributes: { axis: int(2) }, outputs: 2 }), 18, ['Split']],
  ['ReduceMean', one('ReduceMean', 11, { attributes: { axes: ints([1, -1]), keepdims: int(0) } }), 18, ['ReduceMean']],
  ['ReduceSum', one('ReduceSum', 11, { attributes: { axes: ints([1]) } }), 13, ['ReduceSum']],
  ['TopK', one('TopK', 9, { attributes: { k: int(2) }, outputs: 2 }), 11, ['TopK']],
  [
    'Upsample',
    one('Upsample', 7, { shape: [1, 1, 2, 3], attributes: { scales: floats([1, 1, 2, 3]) } }),
    11,
    ['Resize'],
  ],
  [
    'Upsample, linear',
    one('Upsample', 9, {
      shape: [1, 1, 2, 3],
      attributes: { mode: str('linear') },
      inputs: [float32([4], [1, 1, 2, 3])],
    }),
    13,
    ['Resize'],
  ],
  ['Dropout', one('Dropout', 10, { attributes: { ratio: float(0.2) } }), 13, ['Dropout']],
  [
    'GroupNormalization',
    one('GroupNormalization', 20, {
      shape: [2, 4, 3, 3],
      attributes: { num_groups: int(2) },
      inputs: [float32([2], [2, 3]), float32([2], [-1, 1])],
    }),
    21,
    ['Shape', 'Reshape', 'InstanceNormalization', 'Reshape'],
  ],
  [
    'BatchNormalization',
    one('BatchNormalization', 7, {
      shape: [2, 2, 3],
      attributes: { spatial: int(1) },
      inputs: [ramp(2), ramp(2), ramp(2), float32([2], [1, 2])],
    }),
    15,
    ['BatchNormalization'],
  ],
  [
    'GridSample',
    one('GridSample', 16, { shape: [1, 1, 3, 3], attributes: { mode: str('bilinear') }, inputs: [ramp(1, 2, 2, 2)] }),
    20,
    ['GridSample'],
  ],
];

const down: Row[] = [
  ['Softmax over the last axis', one('Softmax', 13), 11, ['Softmax']],
  [
    'Softmax over an inner axis',
    one('Softmax', 13, { attributes: { axis: int(1) } }),
    9,
    ['Transpose', 'Softmax', 'Transpose'],
  ],
  ['Clip', one('Clip', 13, { inputs: [float32([], [-0.5]), float32([], [0.25])] }), 9, ['Clip']],
  ['Clip without a lower bound', one('Clip', 13, { inputs: ['', float32([], [0.25])] }), 9, ['Clip']],
  [
    'Clip of doubles',
    one('Clip', 13, { dtype: 'float64', inputs: [{ dtype: 'float64', dims: [], data: Float64Array.of(0) }] }),
    9,
    ['Max'],
  ],
  ['Pad', one('Pad', 13, { inputs: [int64([6], [0, 1, 0, 0, 0, 2]), float32([], [3])] }), 9, ['Pad']],
  [
    'Pad of some axes',
    one('Pad', 18, { inputs: [int64([2], [1, 2]), float32([], [3]), int64([1], [-2])] }),
    10,
    ['Pad'],
  ],
  ['Slice', one('Slice', 13, { inputs: [int64([1], [1]), int64([1], [3]), int64([1], [-1])] }), 9, ['Slice']],
  ['Squeeze', one('Squeeze', 13, { shape: [2, 1, 3], inputs: [int64([1], [-2])] }), 9, ['Squeeze']],
  ['Unsqueeze from the end', one('Unsqueeze', 13, { inputs: [int64([2], [-1, 0])] }), 9, ['Unsqueeze']],
  [
    'Split',
    one('Split', 13, { attributes: { axis: int(-1) }, inputs: [int64([2], [1, 3])], outputs: 2 }),
    9,
    ['Split'],
  ],
  [
    'Split in unequal parts',
    one('Split', 18, { attributes: { axis: int(1), num_outputs: int(2) }, outputs: 2 }),
    11,
    ['Split'],
  ],
  ['ReduceMean', one('ReduceMean', 18, { inputs: [int64([2], [0, -1])] }), 9, ['ReduceMean']],
  ['ReduceMean of all', one('ReduceMean', 18), 9, ['ReduceMean']],
  ['ReduceL1 of no axis', one('ReduceL1', 18, { attributes: { noop_with_empty_axes: int(1) } }), 13, ['Abs']],
  ['TopK', one('TopK', 11, { inputs: [int64([1], [2])], outputs: 2 }), 9, ['TopK']],
  ['Shape of some axes', one('Shape', 15, { attributes: { start: int(1), end: int(-1) } }), 13, ['Shape', 'Slice']],
  [
    'Resize',
    one('Resize', 13, {
      shape: [1, 1, 2, 3],
      attributes: { coordinate_transformation_mode: str('asymmetric'), nearest_mode: str('floor') },
      inputs: ['', float32([4], [1, 1, 2, 3])],
    }),
    9,
    ['Upsample'],
  ],
  [
    'Resize to sizes',
    one('Resize', 18, {
      shape: [1, 1, 2, 3],
      attributes: { coordinate_transformation_mode: str('asymmetric'), nearest_mode: str('floor') },
      inputs: ['', '', int64([4], [1, 1, 4, 9])],
    }),
    10,
    ['Resize'],
  ],
  [
    'Resize of half pixels',
    one('Resize', 19, {
      shape: [1, 1, 2, 3],
      attributes: { mode: str('linear') },
      inputs: ['', float32([4], [1, 1, 2, 2])],
    }),
    11,
    ['Resize'],
  ],
  ['Dropout', one('Dropout', 13, { inputs: [float32([], [0.25])] }), 10, ['Dropout']],
  [
    'LayerNormalization',
    one('LayerNormalization', 17, { inputs: [ramp(4), ramp(4)], attributes: { epsilon: float(1e-3) } }),
    16,
    ['ReduceMean', 'Sub', 'Mul', 'ReduceMean', 'Add', 'Sqrt', 'Div', 'Mul', 'Add'],
  ],
  [
    'LayerNormalization of two axes',
    one('LayerNormalization', 17, { inputs: [ramp(3, 4)], attributes: { axis: int(1) } }),
    9,
    ['ReduceMean', 'Sub', 'Mul', 'ReduceMean', 'Add', 'Sqrt', 'Div', 'Mul'],
  ],
  [
    'RMSNormalization',
    one('RMSNormalization', 23, { inputs: [ramp(4)] }),
    13,
    ['Mul', 'ReduceMean', 'Add', 'Sqrt', 'Div', 'Mul'],
  ],
  ['Gelu', one('Gelu', 20), 13, ['Mul', 'Mul', 'Erf', 'Add', 'Mul']],
  [
    'Gelu by tanh',
    one('Gelu', 20, { attributes: { approximate: str('tanh') } }),
    11,
    ['Mul', 'Mul', 'Mul', 'Mul', 'Add', 'Mul', 'Tanh', 'Add', 'Mul'],
  ],
  ['HardSwish', one('HardSwish', 14), 7, ['HardSigmoid', 'Mul']],
  ['Mish', one('Mish', 18), 9, ['Softplus', 'Tanh', 'Mul']],
  ['Celu', one('Celu', 12, { attributes: { alpha: float(0.5) } }), 9, ['Div', 'Elu', 'Mul']],
  ['GreaterOrEqual', one('GreaterOrEqual', 16, { inputs: [float32([], [0])] }), 11, ['Greater', 'Equal', 'Or']],
  [
    'GroupNormalization',
    one('GroupNormalization', 21, {
      shape: [2, 4, 3, 3],
      attributes: { num_groups: int(2) },
      inputs: [ramp(4), ramp(4)],
    }),
    15,
    ['Shape', 'Reshape', 'InstanceNormalization', 'Reshape', 'Reshape', 'Reshape', 'Mul', 'Add'],
  ],
  ['Flatten from the end', one('Flatten', 13, { attributes: { axis: int(-1) } }), 9, ['Flatten']],
  ['CastLike', one('CastLike', 15, { inputs: [{ dtype: 'int32', dims: [1], data: Int32Array.of(1) }] }), 9, ['Cast']],
  ['Gemm without C', one('Gemm', 11, { shape: [2, 3], inputs: [ramp(3, 2)] }), 9, ['Gemm']],
  ['Reshape', one('Reshape', 14, { inputs: [int64([2], [0, -1])], attributes: { allowzero: int(0) } }), 7, ['Reshape']],
  [
    'GridSample',
    one('GridSample', 20, { shape: [1, 1, 3, 3], attributes: { mode: str('linear') }, inputs: [ramp(1, 2, 2, 2)] }),
    16,
    ['GridSample'],
  ],
];

async function same(model: Model, other: Model): Promise<void> {
  const { within, absolute } = await compareModels(model, other, createSession, { runs: 2 });
  expect([within, absolute]).toEqual([true, expect.closeTo(0, 5)]);
}

describe.each([
  ['up', up],
  ['down', down],
])('%s', (_, rows) => {
  it.each(rows)('%s', async (_name, model, to, expected) => {
    const converted = convertOpset(model, to);
    expect(opsetVersion(converted.model)).toBe(to);
    expect(ops(converted.model)).toEqual(expected);
    await same(model, converted.model);
  });
});

describe('convertOpset', () => {
  it('lists every node that cannot be said, with the reason', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [2, 4]);
    const sum = b.node('Einsum', [x], { equation: str('ij->i') }, 1, { name: 'sum' });
    const stepped = b.node(
      'Slice',
      [
        x,
        b.constant(int64([1], [0])),
        b.constant(int64([1], [4])),
        b.constant(int64([1], [1])),
        b.constant(int64([1], [2])),
      ],
      {},
      1,
      { name: 'every second' },
    );
    const relu = b.node('Relu', [stepped]);
    [sum, relu].forEach((name) => b.output(name, 'float32', null));
    expect(() => convertOpset(b.build({ opset: 17 }), 9)).toThrow(
      /2 nodes cannot be written in operator set 9: Einsum 'sum': there is no Einsum in 9; Slice 'every second': steps are 2/,
    );
    expect(() => convertOpset(b.build({ opset: 17 }), 6)).toThrow('asked for is operator set 6; 7 to 27 are converted');
  });

  it('says no quantised numbers of 16 or 4 bits before 21', () => {
    const b = new GraphBuilder();
    const scale = b.constant(float32([], [0.01]));
    const wide = b.initializer('wide', { dtype: 'int16', dims: [], data: Int16Array.of(3) });
    const q = b.node('QuantizeLinear', [b.input('x', 'float32', [4]), scale, wide], {}, 1, { name: 'q' });
    b.output(b.node('DequantizeLinear', [q, scale, wide], {}, 1, { name: 'dq' }), 'float32', [4]);
    const model = b.build({ opset: 21 });
    expect(convertOpset(model, 23).to).toBe(23);
    expect(() => convertOpset(model, 20)).toThrow(
      "2 nodes cannot be written in operator set 20: QuantizeLinear 'q': it holds int16; DequantizeLinear 'dq': it holds int16",
    );
  });

  it('finds an attribute that no row knows of by the signature', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [1, 4]);
    const y = b.node('Attention', [b.node('Reshape', [x, b.constant(int64([4], [1, 1, 1, 4]))]), 'k', 'k'], {
      is_causal: int(1),
    });
    b.initializer('k', ramp(1, 1, 1, 4));
    b.output(y, 'float32', null);
    expect(() => convertOpset(b.build({ opset: 23, irVersion: 11 }), 21)).toThrow(
      /Attention .*there is no Attention in 21/,
    );
  });

  it('goes into branches, bodies and functions, and keeps other domains', async () => {
    const branch = (op: string): Attribute => {
      const inner = new GraphBuilder();
      const axes = inner.constant(int64([1], [1]), `${op}_axes`);
      inner.output(inner.node(op, ['x', axes], { keepdims: int(0) }, 1, { outputNames: [`${op}_y`] }), 'float32', [2]);
      return graphAttr(inner.graph);
    };
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [2, 4]);
    const chosen = b.node('If', [b.constant({ dtype: 'bool', dims: [], data: Uint8Array.of(1) })], {
      then_branch: branch('ReduceMax'),
      else_branch: branch('ReduceMin'),
    });
    const own = b.node('Twice', [x], {}, 1, { domain: 'own' });
    const gelu = b.node('Gelu', [x], {}, 1, { domain: 'com.microsoft' });
    b.output(chosen, 'float32', [2]);
    b.output(own, 'float32', null);
    b.output(gelu, 'float32', [2, 4]);
    const model = b.build({ opset: 18, irVersion: 8, opsets: { own: 1, 'com.microsoft': 1 } });
    model.functions.push({
      domain: 'own',
      name: 'Twice',
      inputs: ['a'],
      outputs: ['c'],
      attributes: [],
      opsets: new Map([['', 18]]),
      nodes: [
        {
          op: 'Constant',
          domain: '',
          name: '',
          inputs: [],
          outputs: ['axes'],
          attributes: new Map([['value_ints', ints([1])]]),
        },
        { op: 'ReduceMean', domain: '', name: '', inputs: ['a', 'axes'], outputs: ['b'], attributes: new Map() },
        { op: 'Add', domain: '', name: '', inputs: ['a', 'b'], outputs: ['c'], attributes: new Map() },
      ],
    });
    const converted = convertOpset(model, 13);
    expect(Object.fromEntries(converted.changed)).toEqual({ ReduceMax: 1, ReduceMin: 1, ReduceMean: 1 });
    expect(converted.model.functions[0]!.opsets.get('')).toBe(13);
    expect(converted.model.opsets.get('com.microsoft')).toBe(1);
    await same(model, converted.model);
    await same(model, convertOpset(converted.model, 18).model);
  });

  it('gives the IR version that came with the operator set', () => {
    const model = one('Relu', 21);
    expect([9, 13, 18, 21, 24].map((to) => convertOpset(model, to).model.irVersion)).toEqual([4, 7, 8, 10, 12]);
  });
});
