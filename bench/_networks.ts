/**
 * The networks of the training benchmark as lists of layers. One description serves both sides: `buildNetwork` here and
 * the peer's script read the same JSON, so that nobody can train a smaller network by mistake.
 */
import { elementCount, float, float32, GraphBuilder, int, int64, ints, type Model } from '@verge/onnx';
import { Random } from '@verge/training';

interface Conv {
  readonly conv: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly groups?: number;
  readonly bias?: boolean;
}

export type Layer =
  | Conv
  | { readonly dense: number }
  | { readonly gru: number }
  | { readonly pool: number }
  | { readonly block: readonly Layer[]; readonly skip: readonly Layer[] }
  | 'norm'
  | 'relu'
  | 'relu6'
  | 'global-pool'
  | 'flatten';

export interface Network {
  readonly name: string;
  /** Shape of one sample: [features], [channels, height, width] or [steps, channels]. */
  readonly input: readonly number[];
  readonly classes: number;
  readonly layers: readonly Layer[];
}

const unit = (conv: number, kernel: number, stride = 1): Layer[] => [{ conv, kernel, stride }, 'norm', 'relu'];

const residual = (channels: number, stride: number): Layer[] => [
  {
    block: [...unit(channels, 3, stride), { conv: channels, kernel: 3 }, 'norm'],
    skip: stride === 1 ? [] : [{ conv: channels, kernel: 1, stride }],
  },
  'relu',
];

const separable = (channels: number): Layer[] => [
  { conv: channels, kernel: 3, groups: channels },
  'norm',
  'relu',
  ...unit(channels, 1),
];

/** Inverted residual of MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381). */
function inverted(from: number, to: number, stride: number, expansion: number): Layer[] {
  const wide = from * expansion;
  const layers: Layer[] = [
    { conv: wide, kernel: 1 },
    'norm',
    'relu6',
    { conv: wide, kernel: 3, stride, groups: wide },
    'norm',
    'relu6',
    { conv: to, kernel: 1 },
    'norm',
  ];
  return stride === 1 && from === to ? [{ block: layers, skip: [] }] : layers;
}

export const networks: readonly Network[] = [
  { name: 'MLP 784-256-10', input: [784], classes: 10, layers: [{ dense: 256 }, 'relu', { dense: 10 }] },
  {
    name: 'LeNet-5, 28x28',
    input: [1, 28, 28],
    classes: 10,
    layers: [
      { conv: 6, kernel: 5, bias: true },
      'relu',
      { pool: 2 },
      { conv: 16, kernel: 5, bias: true },
      'relu',
      { pool: 2 },
      'flatten',
      { dense: 120 },
      'relu',
      { dense: 84 },
      'relu',
      { dense: 10 },
    ],
  },
  {
    name: 'CNN conv32-conv64-dense128, 28x28',
    input: [1, 28, 28],
    classes: 10,
    layers: [
      { conv: 32, kernel: 3, bias: true },
      'relu',
      { pool: 2 },
      { conv: 64, kernel: 3, bias: true },
      'relu',
      { pool: 2 },
      'flatten',
      { dense: 128 },
      'relu',
      { dense: 10 },
    ],
  },
  {
    name: 'ResNet-8, 32x32',
    input: [3, 32, 32],
    classes: 10,
    layers: [...unit(16, 3), ...residual(16, 1), ...residual(32, 2), ...residual(64, 2), 'global-pool', { dense: 10 }],
  },
  {
    name: 'DS-CNN, 49x10',
    input: [1, 49, 10],
    classes: 12,
    layers: [...unit(64, 3, 2), ...[1, 2, 3, 4].flatMap(() => separable(64)), 'global-pool', { dense: 12 }],
  },
  {
    name: 'MobileNetV2-like, 32x32',
    input: [3, 32, 32],
    classes: 10,
    layers: [
      { conv: 16, kernel: 3 },
      'norm',
      'relu6',
      ...inverted(16, 8, 1, 1),
      ...inverted(8, 16, 2, 6),
      ...inverted(16, 16, 1, 6),
      ...inverted(16, 32, 2, 6),
      ...inverted(32, 32, 1, 6),
      ...inverted(32, 48, 1, 6),
      { conv: 128, kernel: 1 },
      'norm',
      'relu6',
      'global-pool',
      { dense: 10 },
    ],
  },
  { name: 'GRU 64, 50 steps of 12', input: [50, 12], classes: 9, layers: [{ gru: 64 }, { dense: 9 }] },
];

interface Value {
  readonly name: string;
  readonly shape: readonly number[];
}

class Writer {
  readonly #graph = new GraphBuilder();
  readonly #random = new Random(1, 'weights');

  weight(shape: readonly number[], fanIn: number): string {
    const limit = Math.sqrt(3 / fanIn);
    const data = Float32Array.from({ length: elementCount(shape) }, () => this.#random.uniform(-limit, limit));
    return this.#graph.constant(float32(shape, data), 'w');
  }

  fill(shape: readonly number[], value: number): string {
    return this.#graph.constant(float32(shape, new Float32Array(elementCount(shape)).fill(value)), 'c');
  }

  op(op: string, inputs: readonly string[], shape: readonly number[], attributes = {}): Value {
    return { name: this.#graph.node(op, inputs, attributes), shape };
  }

  layers(x: Value, layers: readonly Layer[]): Value {
    return layers.reduce((value, layer) => this.#layer(value, layer), x);
  }

  #conv(x: Value, layer: Conv): Value {
    const { conv: out, kernel, stride = 1, groups = 1, bias } = layer;
    const [channels, height, width] = x.shape as [number, number, number];
    const pad = Math.floor(kernel / 2);
    const size = (n: number): number => Math.floor((n + 2 * pad - kernel) / stride) + 1;
    const w = this.weight([out, channels / groups, kernel, kernel], (channels / groups) * kernel * kernel);
    const inputs = bias ? [x.name, w, this.fill([out], 0)] : [x.name, w];
    return this.op('Conv', inputs, [out, size(height), size(width)], {
      pads: ints([pad, pad, pad, pad]),
      strides: ints([stride, stride]),
      group: int(groups),
    });
  }

  #dense(x: Value, units: number): Value {
    const features = x.shape[0]!;
    const inputs = [x.name, this.weight([units, features], features), this.fill([units], 0)];
    return this.op('Gemm', inputs, [units], { transB: int(1) });
  }

  /** The last state of a GRU with PyTorch's formulation of the reset gate. */
  #gru(x: Value, hidden: number): Value {
    const [, channels] = x.shape as [number, number];
    const steps = this.op('Transpose', [x.name], x.shape, { perm: ints([1, 0, 2]) });
    const w = this.weight([1, 3 * hidden, channels], hidden);
    const r = this.weight([1, 3 * hidden, hidden], hidden);
    const inputs = [steps.name, w, r, this.fill([1, 6 * hidden], 0)];
    const attributes = { hidden_size: int(hidden), linear_before_reset: int(1) };
    const last = this.#graph.node('GRU', inputs, attributes, 2)[1]!;
    const axis = this.#graph.constant(int64([1], [0]), 'axis');
    return this.op('Squeeze', [last, axis], [hidden]);
  }

  #layer(x: Value, layer: Layer): Value {
    if (typeof layer === 'string') return this.#plain(x, layer);
    if ('conv' in layer) return this.#conv(x, layer);
    if ('dense' in layer) return this.#dense(x, layer.dense);
    if ('gru' in layer) return this.#gru(x, layer.gru);
    if ('pool' in layer) {
      const [channels, height, width] = x.shape as [number, number, number];
      const size = [layer.pool, layer.pool];
      const shape = [channels, Math.floor(height / layer.pool), Math.floor(width / layer.pool)];
      return this.op('MaxPool', [x.name], shape, { kernel_shape: ints(size), strides: ints(size) });
    }
    const [inner, around] = [this.layers(x, layer.block), this.layers(x, layer.skip)];
    return this.op('Add', [inner.name, around.name], inner.shape);
  }

  #plain(x: Value, layer: Extract<Layer, string>): Value {
    const c = [x.shape[0]!];
    switch (layer) {
      case 'norm': {
        const state = [this.fill(c, 1), this.fill(c, 0), this.fill(c, 0), this.fill(c, 1)];
        return this.op('BatchNormalization', [x.name, ...state], x.shape, { epsilon: float(1e-5) });
      }
      case 'relu':
        return this.op('Relu', [x.name], x.shape);
      case 'relu6':
        return this.op('Clip', [x.name, this.fill([], 0), this.fill([], 6)], x.shape);
      case 'global-pool':
        return this.#plain(this.op('GlobalAveragePool', [x.name], [x.shape[0]!, 1, 1]), 'flatten');
      case 'flatten':
        return this.op('Flatten', [x.name], [elementCount(x.shape)]);
    }
  }

  build(network: Network): Model {
    const input = { name: this.#graph.input('input', 'float32', ['N', ...network.input]), shape: network.input };
    const output = this.layers(input, network.layers);
    this.#graph.output(output.name, 'float32', ['N', ...output.shape]);
    return this.#graph.build({ name: network.name });
  }
}

/** The forward model with weights of a fixed seed: input [N, ...input] to logits [N, classes]. */
export function buildNetwork(network: Network): Model {
  return new Writer().build(network);
}
