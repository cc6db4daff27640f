/** Files that hold their parameters in 16 bits or quantised: trained as floats, written back as they were. */
import { describe, expect, it } from 'vitest';
import {
  decodeModel,
  elementCount,
  encodeModel,
  float16Bits,
  float16Value,
  float32,
  GraphBuilder,
  int,
  ints,
  sortedNodes,
  type DataType,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { fit, type FitResult } from '../index.js';
import { Random } from '../random.js';
import { dequantised, storedAsHalf, storedQuantised, zerosOf, type Quantisation } from './stored-types.js';

const random = new Random(9, 'stored types');
const draw = (count: number, size = 1): Float32Array =>
  Float32Array.from({ length: count }, () => random.uniform(-size, size));
const integers = (dtype: DataType, dims: number[], size: number): Tensor => {
  const values = Array.from({ length: elementCount(dims) }, () => Math.round(random.uniform(-size, size)));
  if (dtype === 'int32') return { dtype, dims, data: Int32Array.from(values) };
  if (dtype === 'int8') return { dtype, dims, data: Int8Array.from(values) };
  throw new Error(dtype);
};

/** The constants of the networks below: a convolution by channels of 8 bits with a bias of 32, a product by blocks of 4 bits. */
const WEIGHT = integers('int8', [4, 2, 3], 120);
const WEIGHT_SCALE = float32([4], [0.005, 0.004, 0.003, 0.006]);
const INPUT_SCALE = 0.01;
const BIAS = integers('int32', [4], 4000);
const BIAS_SCALE = float32(
  [4],
  WEIGHT_SCALE.data.map((s) => s * INPUT_SCALE),
);
const HEAD: Tensor = { dtype: 'int4', dims: [16, 3], data: Uint8Array.from({ length: 24 }, (_, i) => (i * 73) % 256) };
const HEAD_SCALE = float32(
  [4, 3],
  draw(12, 0.02).map((v) => 0.05 + Math.abs(v)),
);

const channels: Quantisation = { scale: 'ws', zero: '', axis: 0, blockSize: 0 };
const blocks: Quantisation = { scale: 'hs', zero: '', axis: 0, blockSize: 4 };

/** As a quantiser writes it, or with floats that are rounded in the graph. */
function quantised(stored: boolean): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', 2, 6]);
  const rounded = (v: string, scale: number): string => {
    const how = [b.constant(float32([], [scale])), b.constant({ dtype: 'uint8', dims: [], data: Uint8Array.of(120) })];
    return b.node('DequantizeLinear', [b.node('QuantizeLinear', [v, ...how]), ...how]);
  };
  const constants = new Map([
    ['ws', { name: 'ws', value: WEIGHT_SCALE }],
    ['bs', { name: 'bs', value: BIAS_SCALE }],
    ['hs', { name: 'hs', value: HEAD_SCALE }],
  ]);
  for (const [name, { value }] of constants) b.initializer(name, value);
  const parameter = (name: string, value: Tensor, how: Quantisation): string => {
    const attributes = { axis: int(how.axis), ...(how.blockSize > 0 && { block_size: int(how.blockSize) }) };
    if (stored) return b.node('DequantizeLinear', [b.initializer(name, value), how.scale], attributes);
    const floats = b.initializer(name, dequantised({ name, value }, how, constants)!);
    if (value.dtype === 'int32') return floats;
    const zero = b.constant(zerosOf(value.dtype, constants.get(how.scale)!.value.dims));
    const levels = b.node('QuantizeLinear', [floats, how.scale, zero], attributes);
    return b.node('DequantizeLinear', [levels, how.scale, zero], attributes);
  };
  const w = parameter('w', WEIGHT, channels);
  const bias = parameter('b', BIAS, { ...channels, scale: 'bs' });
  const made = b.node('Conv', [rounded(x, INPUT_SCALE), w, bias], { strides: ints([1]) });
  const flat = b.node('Flatten', [rounded(b.node('Relu', [made]), 0.02)]);
  const y = b.node('MatMul', [flat, parameter('h', HEAD, blocks)]);
  b.output(b.node('Add', [y, b.initializer('shift', float32([3], [0.1, -0.2, 0.3]))]), 'float32', ['n', 3]);
  return b.build({ opset: 21 });
}

const rows = 8;
const samples = {
  ...{ x: draw(rows * 12), shape: [2, 6], y: new Int32Array(rows), targets: draw(rows * 3) },
};

const train = (
  model: Model,
  given: Partial<typeof samples> = {},
  alsoTrained: (name: string) => boolean = () => false,
): Promise<FitResult> =>
  fit({
    alsoTrained,
    ...{ model, createSession, train: { ...samples, ...given }, validation: { ...samples, ...given } },
    ...{ epochs: 6, batchSize: rows, loss: { kind: 'mse' }, block: 0 },
    optimizer: { name: 'sgd', learningRate: 0.2, weightDecay: 0.01 },
  });

const valueOf = ({ model }: FitResult, name: string): Tensor => model.graph.initializers.get(name)!.value as Tensor;
const floats = (result: FitResult, name: string): Float32Array => valueOf(result, name).data as Float32Array;

async function loss(model: Model, x: Float32Array, targets: Float32Array): Promise<number> {
  const session = await createSession(encodeModel(model), { optimization: 'disabled' });
  try {
    const shape = model.graph.inputs[0]!.type?.kind === 'tensor' ? model.graph.inputs[0]!.type.shape! : [];
    const feeds = { x: float32([rows, ...shape.slice(1).map(Number)], x) };
    const y = Object.values(await session.run(feeds))[0]!.data as Float32Array;
    return y.reduce((sum, v, i) => sum + (v - targets[i]!) ** 2, 0) / y.length;
  } finally {
    await session.release();
  }
}

describe('parameters behind a DequantizeLinear', () => {
  it('take the steps of floats that are rounded in the graph, and end as the levels of these', async () => {
    const file = quantised(true);
    const [result, byHand] = [await train(file), await train(quantised(false))];
    // The file is what it was, but for the integers.
    expect(result.model.graph.nodes).toEqual(file.graph.nodes);
    const types = (model: Model) => [...model.graph.initializers].map(([name, { value }]) => [name, value.dtype]);
    expect(types(result.model)).toEqual(types(file));
    const { initializers } = file.graph;
    for (const [name, dtype, how] of [
      ['w', 'int8', channels],
      ['b', 'int32', { ...channels, scale: 'bs' }],
      ['h', 'int4', blocks],
    ] as const) {
      const { dims } = initializers.get(name)!.value;
      const levels = storedQuantised(name, dtype, dims, how).write(floats(byHand, name), initializers);
      expect(valueOf(result, name), name).toEqual(levels);
      expect(valueOf(result, name), name).not.toEqual(initializers.get(name)!.value);
    }
    expect(floats(result, 'shift')).toEqual(floats(byHand, 'shift'));
    expect(result.history.map((h) => h.valLoss)).toEqual(byHand.history.map((h) => h.valLoss));
    expect(result.history.at(-1)!.valLoss).toBeLessThan(result.history[0]!.valLoss);
    const stored = Object.fromEntries(result.parameters.map((p) => [p.name, p.storedAs]));
    expect(stored).toMatchObject({ w: 'int8', b: 'int32', h: 'int4', shift: undefined });
  });

  it('are written with the scales that were asked to move', async () => {
    const scales = (name: string): boolean => name === 'ws';
    const file = quantised(true);
    const [result, byHand] = [await train(file, {}, scales), await train(quantised(false), {}, scales)];
    expect(floats(result, 'ws')).toEqual(floats(byHand, 'ws'));
    expect(floats(result, 'ws')).not.toEqual(WEIGHT_SCALE.data);
    const written = storedQuantised('w', 'int8', WEIGHT.dims, channels).write(
      floats(byHand, 'w'),
      result.model.graph.initializers,
    );
    expect(valueOf(result, 'w')).toEqual(written);
  });

  it('give a file that has the validated loss when it runs', async () => {
    const result = await train(quantised(true));
    const again = await loss(decodeModel(result.bytes), samples.x, samples.targets);
    // The bias is rounded when it is written, to steps of some 0.00004.
    expect(Math.abs(again - result.validation.loss!)).toBeLessThan(1e-3 * again);
  });
});

describe('levels', () => {
  const cases: [DataType, number[], Quantisation, number[]][] = [
    ['int2', [3, 5], { scale: 's', zero: 'z', axis: 1, blockSize: 0 }, []],
    ['uint4', [3, 5], { scale: 's', zero: 'z', axis: 1, blockSize: 0 }, [5]],
    ['int4', [5, 3], { scale: 's', zero: 'z', axis: 0, blockSize: 2 }, [3, 3]],
    ['int8', [2, 3, 4], { scale: 's', zero: 'z', axis: -2, blockSize: 0 }, [3]],
    ['uint8', [4, 6], { scale: 's', zero: 'z', axis: 1, blockSize: 4 }, [4, 2]],
    ['int16', [7], { scale: 's', zero: '', axis: 0, blockSize: 0 }, []],
    ['uint16', [7], { scale: 's', zero: 'z', axis: 0, blockSize: 0 }, [7]],
    ['int32', [7], { scale: 's', zero: '', axis: 0, blockSize: 0 }, [7]],
  ];
  it.each(cases)('%s %j are written as they were read', (dtype, dims, how, parameters) => {
    const bits = { int2: 2, uint4: 4, int4: 4, int8: 8, uint8: 8, int16: 16, uint16: 16 }[dtype as string] ?? 32;
    const bytes = zerosOf(dtype, dims);
    const data = (bytes.data as Uint8Array).map((_, i) => (i * 89 + 7) % (bits < 8 ? 256 : 100)) as Uint8Array;
    // What is left over in the last byte is 0.
    const used = (elementCount(dims) * bits) % 8;
    if (bits < 8 && used > 0) data[data.length - 1]! &= 2 ** used - 1;
    const value = { ...bytes, data } as Tensor;
    const constants = new Map([
      [
        's',
        {
          name: 's',
          value: float32(
            parameters,
            draw(elementCount(parameters)).map((v) => 0.01 + Math.abs(v)),
          ) as Tensor,
        },
      ],
      ['z', { name: 'z', value: zerosOf(dtype, parameters) }],
    ]);
    const numbers = dequantised({ name: 'v', value }, how, constants)!;
    expect(storedQuantised('v', dtype, dims, how).write(numbers.data, constants)).toEqual(value);
  });

  it('are clipped as in the step up to 16 bits; what 32 bits cannot hold is refused', () => {
    const constants = new Map([['s', { name: 's', value: float32([], [0.5]) as Tensor }]]);
    const how: Quantisation = { scale: 's', zero: '', axis: 0, blockSize: 0 };
    const written = storedQuantised('w', 'int8', [3], how).write(Float32Array.of(-1000, 0.25, 0.75), constants);
    expect([...(written.data as Int8Array)]).toEqual([-128, 0, 2]);
    expect(() => storedQuantised('b', 'int32', [1], how).write(Float32Array.of(1e20), constants)).toThrow(/'b'.*int32/);
    expect(() => storedAsHalf('w', 'float16', [1]).write(Float32Array.of(70000), constants)).toThrow(/'w'.*float16/);
  });
});

describe('parameters of 16 bits', () => {
  const weights = { w: draw(24), b: draw(4), h: draw(12) };
  const shapes = { w: [6, 4], b: [4], h: [4, 3] };

  /** With the Casts at the ends behind everything else, as the converter of ONNX Runtime leaves them. */
  function network(half: boolean): Model {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['n', 6]);
    const narrow = half ? b.node('Cast', [x], { to: int(10) }) : x;
    const parameter = (name: keyof typeof weights): string => {
      const bits = Uint16Array.from(weights[name], float16Bits);
      const value: Tensor = half
        ? { dtype: 'float16', dims: shapes[name], data: bits }
        : float32(shapes[name], Float32Array.from(bits, float16Value));
      return b.initializer(name, value);
    };
    const h = b.node('Tanh', [b.node('Gemm', [narrow, parameter('w'), parameter('b')])]);
    const y = b.node('MatMul', [h, parameter('h')]);
    b.output(half ? b.node('Cast', [y], { to: int(1) }) : b.node('Identity', [y]), 'float32', ['n', 3]);
    const model = b.build({ opset: 17 });
    const late = model.graph.nodes.filter((n) => n.op === 'Cast' && n.inputs[0] === x);
    const nodes = [...model.graph.nodes.filter((n) => !late.includes(n)), ...late];
    return { ...model, graph: { ...model.graph, nodes } };
  }

  it('move as floats, and are the nearest halves of these in the file', async () => {
    const given = { x: draw(rows * 6), shape: [6] };
    const file = network(true);
    const [result, plain] = [await train(file, given), await train(network(false), given)];
    expect(result.model.graph.nodes).toEqual(sortedNodes(file.graph.nodes).nodes);
    for (const name of ['w', 'b', 'h']) {
      const bits = Uint16Array.from(floats(plain, name), float16Bits);
      expect(valueOf(result, name)).toEqual({
        dtype: 'float16',
        dims: file.graph.initializers.get(name)!.value.dims,
        data: bits,
      });
      expect(result.parameters.find((p) => p.name === name)).toMatchObject({ fate: 'moves', storedAs: 'float16' });
    }
    const again = await loss(decodeModel(result.bytes), given.x, samples.targets);
    expect(Math.abs(again - result.validation.loss!)).toBeLessThan(5e-3 * again);
  });
});

describe('products whose numbers are rounded to the range that they have', () => {
  const W = integers('int8', [6, 4], 120) as Tensor & { dtype: 'int8' };
  const scale = float32([4], [0.01, 0.02, 0.015, 0.008]);
  const [first, head, bias] = [draw(30), draw(12), draw(4)];

  /** As the quantiser of ONNX Runtime writes it, or with the rounded numbers as floats. */
  function network(stored: boolean): Model {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['n', 5]);
    const before = b.node('Tanh', [b.node('MatMul', [x, b.initializer('first', float32([5, 6], first))])]);
    const [levels, size, zero] = b.node('DynamicQuantizeLinear', [before], {}, 3) as [string, string, string];
    const [ws, wz] = [b.initializer('ws', scale), b.initializer('wz', zerosOf('int8', [4]))];
    let product: string;
    if (stored) {
      const sum = b.node('MatMulInteger', [levels, b.initializer('w', W), zero, wz]);
      product = b.node('Mul', [b.node('Cast', [sum], { to: int(1) }), b.node('Mul', [size, ws])]);
    } else {
      const numbers = float32(
        W.dims,
        Float32Array.from(W.data, (q, i) => q * scale.data[i % 4]!),
      );
      const axis = { axis: int(1) };
      const rounded = b.node('QuantizeLinear', [b.initializer('w', numbers), ws, wz], axis);
      product = b.node('MatMul', [
        b.node('DequantizeLinear', [levels, size, zero]),
        b.node('DequantizeLinear', [rounded, ws, wz], axis),
      ]);
    }
    const h = b.node('Relu', [b.node('Add', [product, b.initializer('bias', float32([4], bias))])]);
    b.output(b.node('MatMul', [h, b.initializer('head', float32([4, 3], head))]), 'float32', ['n', 3]);
    return b.build({ opset: 17 });
  }

  it('take the same steps as integers and as floats', async () => {
    const given = { x: draw(rows * 5), shape: [5] };
    const file = network(true);
    const [result, byHand] = [await train(file, given), await train(network(false), given)];
    expect(result.model.graph.nodes).toEqual(file.graph.nodes);
    const how: Quantisation = { scale: 'ws', zero: 'wz', axis: 1, blockSize: 0 };
    const levels = storedQuantised('w', 'int8', W.dims, how).write(floats(byHand, 'w'), file.graph.initializers);
    expect(valueOf(result, 'w')).toEqual(levels);
    expect(levels.data).not.toEqual(W.data);
    for (const name of ['first', 'bias', 'head'])
      floats(result, name).forEach((v, i) => expect(v).toBeCloseTo(floats(byHand, name)[i]!, 5));
    const again = await loss(decodeModel(result.bytes), given.x, samples.targets);
    expect(Math.abs(again - result.validation.loss!)).toBeLessThan(1e-3 * again);
  });
});
