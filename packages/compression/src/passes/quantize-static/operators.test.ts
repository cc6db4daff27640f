/** Which operators run on integers, as ONNX Runtime's optimised graph shows, and what stays in floats with its reason. */
import { describe, expect, it } from 'vitest';
import type { Samples } from '@verge/data';
import {
  assertLegal,
  decodeModel,
  encodeModel,
  float,
  float32,
  GraphBuilder,
  int,
  int64,
  ints,
  str,
  type Attributes,
  type Model,
} from '@verge/onnx';
import { createSession, optimizedModel } from '@verge/runtime';
import { largestDifference, outputWith, randomTensor } from '../../test-models.js';
import { quantizeStatic } from './quantize.js';

const outputOf = outputWith(createSession);
const train: Samples = {
  x: randomTensor([32, 8, 8, 8], 5).data,
  shape: [8, 8, 8],
  y: new Int32Array(32),
  labels: ['0'],
  name: 'noise',
};
const context = { createSession, train, validation: train };
const options = { calibration: 'min-max' as const, percentile: 99.99, samples: 32, biasCorrection: false };
const targets = [
  { arch: 'x64', int8Activation: 'uint8', vnni: true },
  { arch: 'arm64', int8Activation: 'int8', vnni: true },
] as const;

/** Convolutions over 3 x 3 places of 8 channels. */
class Net extends GraphBuilder {
  seed = 1;

  weight(dims: number[]): string {
    return this.constant(randomTensor(dims, this.seed++), 'w');
  }

  conv(x: string, inputs = 8, outputs = 8, size = 3): string {
    const pads = ints(new Array<number>(4).fill((size - 1) / 2));
    return this.node('Conv', [x, this.weight([outputs, inputs, size, size]), this.weight([outputs])], { pads });
  }

  shape(...dims: number[]): string {
    return this.constant(int64([dims.length], dims), 'shape');
  }
}

/** What stands between two convolutions: the value and its channels. */
type Between = (net: Net, x: string) => string | [string, number];

function between(made: Between, opset = 18): Model {
  const net = new Net();
  const found = made(net, net.conv(net.input('x', 'float32', ['N', 8, 8, 8])));
  const [x, channels] = typeof found === 'string' ? [found, 8] : found;
  net.output(net.conv(x, channels, 4), 'float32', null);
  return net.build({ opset });
}

const runs = async (model: Model): Promise<string[]> =>
  decodeModel(await optimizedModel(encodeModel(model))).graph.nodes.map((n) => n.op);

/** How far the outputs lie from the source's on samples of the calibration, which no range cuts off, as a share of their spread. */
async function distance(source: Model, other: Model): Promise<number> {
  const x = float32([8, 8, 8, 8], (train.x as Float32Array).slice(0, 8 ** 4));
  const [expected, got] = [await outputOf(source, x), await outputOf(other, x)];
  return largestDifference(expected, got) / (Math.max(...expected) - Math.min(...expected));
}

const transposed = (dims: number[], attributes: Attributes): Between => {
  const channels = dims[1]! * (attributes['group']?.kind === 'int' ? Number(attributes['group'].value) : 1);
  return (net, x) => [net.node('ConvTranspose', [x, net.weight(dims), net.weight([channels])], attributes), channels];
};

const pooled = (net: Net, x: string): string => net.node('ReduceMean', [x, net.shape(-1, -2)]);

const onIntegers: Record<string, [made: Between, kernels: string[]]> = {
  SiLU: [(net, x) => net.node('Mul', [x, net.node('Sigmoid', [x])]), ['QLinearSigmoid', 'QLinearMul']],
  HardSwish: [(net, x) => net.node('HardSwish', [x]), ['QLinearAdd', 'QLinearMul']],
  HardSigmoid: [(net, x) => net.node('HardSigmoid', [x], { alpha: float(0.3), beta: float(0.4) }), ['QLinearAdd']],
  LeakyRelu: [(net, x) => net.node('LeakyRelu', [x], { alpha: float(0.1) }), ['QLinearLeakyRelu']],
  'a Relu that others stand beside': [(net, x) => net.node('Add', [x, net.node('Relu', [x])]), ['QLinearAdd']],
  'squeeze and excite': [
    (net, x) => {
      const few = net.node('Relu', [net.conv(pooled(net, x), 8, 4, 1)]);
      return net.node('Mul', [x, net.node('Sigmoid', [net.conv(few, 4, 8, 1)])]);
    },
    ['QLinearGlobalAveragePool', 'QLinearSigmoid', 'QLinearMul'],
  ],
  'ConvTranspose 2x2 by 2': [transposed([8, 6, 2, 2], { strides: ints([2, 2]) }), ['Transpose']],
  'ConvTranspose 4x4 by 2': [
    transposed([8, 6, 4, 4], { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) }),
    ['Transpose'],
  ],
  'ConvTranspose 3x3 by 2': [
    transposed([8, 6, 3, 3], { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]), output_padding: ints([1, 1]) }),
    ['Transpose'],
  ],
  'ConvTranspose 3x3 by 1': [transposed([8, 6, 3, 3], { pads: ints([1, 1, 1, 1]) }), []],
  'ConvTranspose in groups': [transposed([8, 3, 2, 2], { strides: ints([2, 2]), group: int(2) }), ['DepthToSpace']],
  Resize: [
    (net, x) => {
      const scales = net.constant(float32([4], [1, 1, 2, 3]), 'scales');
      const how = {
        mode: str('nearest'),
        coordinate_transformation_mode: str('asymmetric'),
        nearest_mode: str('floor'),
      };
      return net.node('Resize', [x, '', scales], how);
    },
    ['Expand'],
  ],
  'Resize by parts of places': [
    (net, x) =>
      net.node('Resize', [x, '', net.constant(float32([4], [1, 1, 1.5, 2]), 'scales')], { mode: str('nearest') }),
    ['Resize'],
  ],
  'Split and Concat': [
    (net, x) => {
      const [a, b] = net.node('Split', [x, net.shape(3, 5)], { axis: int(1) }, 2) as [string, string];
      return net.node('Concat', [b, a], { axis: int(1) });
    },
    ['Split', 'QLinearConcat'],
  ],
  Slice: [(net, x) => [net.node('Slice', [x, net.shape(2), net.shape(6), net.shape(1)]), 4], ['Slice']],
  DepthToSpace: [(net, x) => [net.node('DepthToSpace', [x], { blocksize: int(2) }), 2], ['DepthToSpace']],
  'shuffled channels': [
    (net, x) => {
      const parts = net.node('Reshape', [x, net.shape(0, 2, 4, 8, 8)]);
      return net.node('Reshape', [
        net.node('Transpose', [parts], { perm: ints([0, 2, 1, 3, 4]) }),
        net.shape(0, 8, 8, 8),
      ]);
    },
    ['Transpose'],
  ],
  'Pad with zeros': [(net, x) => net.node('Pad', [x, net.shape(0, 0, 1, 1, 0, 0, 1, 1)]), []],
};

describe('operators on integers', () => {
  const cases = Object.entries(onIntegers).flatMap(([name, [made, kernels]]) =>
    targets.map((target) => ({ name, made, kernels, target, kind: target.int8Activation })),
  );
  it.each(cases)('$name, $kind', async ({ name, made, kernels, target }) => {
    const model = between(made);
    const { model: quantized, declined } = await quantizeStatic(model, options, target, context);
    assertLegal(quantized);
    expect(declined).toEqual([]);
    expect(await distance(model, quantized)).toBeLessThan(0.05);
    if (target.int8Activation !== 'uint8') return;
    const ops = await runs(quantized);
    for (const kernel of kernels) expect(ops).toContain(kernel);
    // A Relu by itself is what quantizing anew does.
    expect(ops.filter((op) => op === 'QuantizeLinear')).toHaveLength(name.includes('Relu that') ? 2 : 1);
    for (const op of ['Conv', 'ConvTranspose', 'Sigmoid', 'HardSigmoid', 'Mul', 'Add', 'Concat', 'ReduceMean'])
      expect(ops).not.toContain(op);
  });

  it.each([
    ['', (_: Net, y: string) => y],
    [', which is flattened behind it', (net: Net, y: string) => net.node('Flatten', [y], { axis: int(1) })],
  ])('gives the floats of a last convolution over single places%s', async (_, behind) => {
    const net = new Net();
    const x = net.conv(net.input('x', 'float32', ['N', 8, 8, 8]));
    net.output(behind(net, net.conv(x, 8, 3, 1)), 'float32', null);
    const model = net.build({ opset: 17 });
    const { model: quantized } = await quantizeStatic(model, options, targets[0], context);
    const ops = await runs(quantized);
    expect(ops).toContain('MatMulIntegerToFloat');
    expect(ops).not.toContain('DequantizeLinear');
    // Without the rounding of the outputs to 256 levels, which by itself would make up to 1/510 of their spread.
    expect(await distance(model, quantized)).toBeLessThan(0.02);
  });
});

describe('what stays in floats', () => {
  const stays: Record<string, [made: Between, reasons: string[]]> = {
    Softmax: [(net, x) => net.node('Softmax', [x], { axis: int(1) }), ['there is no kernel on integers for it']],
    'Resize between places': [
      (net, x) => net.node('Resize', [x, '', net.constant(float32([4], [1, 1, 2, 2]), 's')], { mode: str('linear') }),
      ['the kernel on integers cuts off the fractions of what lies between, and takes longer than floats'],
    ],
    'Pad by reflection': [
      (net, x) => net.node('Pad', [x, net.shape(0, 0, 1, 1, 0, 0, 1, 1)], { mode: str('reflect') }),
      ['there is no kernel on integers between pairs'],
    ],
    'ConvTranspose with gaps': [
      transposed([8, 6, 2, 2], { strides: ints([3, 3]) }),
      ['its output is not 3 times as large as its input, and there is no such ConvTranspose on integers'],
    ],
    'a product of activations': [
      (net, x) => net.node('MatMul', [x, x]),
      ['both factors are activations: quantizing both of them takes most of what integers gain'],
    ],
    'what reads floats': [
      (net, x) => net.node('Sigmoid', [net.node('Tanh', [x])]),
      ['there is no kernel on integers for it', "'Tanh_out', which it reads, is computed in float32"],
    ],
  };
  it.each(Object.entries(stays))('%s', async (_, [made, reasons]) => {
    const model = between(made);
    const { model: quantized, declined } = await quantizeStatic(model, options, targets[0], context);
    expect(declined.map(({ reason }) => reason)).toEqual(reasons);
    expect(await distance(model, quantized)).toBeLessThan(0.05);
  });

  /** A recurrent layer beside a dense one. */
  function recurrent(op: 'LSTM' | 'GRU', gates: number): Model {
    const net = new Net();
    const x = net.node('Reshape', [net.input('x', 'float32', ['N', 8, 8, 8]), net.shape(8, -1, 64)]);
    const [y] = net.node(op, [x, net.weight([1, gates * 16, 64]), net.weight([1, gates * 16, 16])], { hidden_size: int(16) }, 2, { name: 'memory' }) as string[]; // prettier-ignore
    const rows = net.node('Reshape', [y!, net.shape(-1, 16)]);
    net.output(net.node('Gemm', [rows, net.weight([16, 3]), net.weight([3])]), 'float32', null);
    return net.build({ opset: 17 });
  }

  it.each(['LSTM', 'GRU'] as const)(
    '%s beside a dense layer, whose line says where it runs on integers',
    async (op) => {
      const model = recurrent(op, op === 'LSTM' ? 4 : 3);
      const { declined } = await quantizeStatic(model, options, targets[0], context);
      expect(declined).toEqual([{ node: 'memory', reason: expect.stringContaining('`quantize-dynamic`') }]);
    },
  );
});
