/**
 * Layers of the built-in networks over onnx's graph builder. It follows the shape of one sample, names weights after
 * their layer (`stage1.conv.weight`) and draws them from a stream of their own name, so that adding a layer
 * elsewhere does not change them.
 */
import {
  elementCount,
  float,
  float32,
  GraphBuilder,
  int,
  ints,
  int64,
  type Attribute,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { TrainingError } from '../errors.js';
import { biasDistribution, draw, weightDistribution, type InitialisationRule, type Layer } from '../initialisation.js';
import { Random } from '../random.js';

export type Activation = 'relu' | 'relu6' | 'leaky' | 'hardswish' | 'gelu' | 'tanh' | 'none';

/** What the weights of a network are drawn from. */
export interface Start {
  readonly seed: number;
  readonly rule: InitialisationRule;
}

/** Activations whose layers count as rectified where weights are drawn. */
const rectifiers: ReadonlySet<Activation> = new Set(['relu', 'gelu']);

export interface ConvOptions {
  /** Of every axis, or one for each. */
  readonly kernel?: number | readonly number[];
  readonly stride?: number;
  readonly group?: number;
  readonly dilation?: number;
  readonly bias?: boolean;
  /** Padding on every side, or all of it before the first element ('causal'); as much as keeps the size unless told otherwise. */
  readonly padding?: number | 'causal';
}

export interface DenseOptions {
  readonly bias?: boolean;
}

type Attributes = Readonly<Record<string, Attribute | undefined>>;

/** A value inside the network: its name and the shape of one sample. */
export interface Signal {
  readonly name: string;
  readonly shape: readonly number[];
}

export class Net {
  readonly #graph = new GraphBuilder();
  readonly input: Signal;

  constructor(
    readonly start: Start,
    shape: readonly number[],
  ) {
    this.input = { name: this.#graph.input('input', 'float32', ['N', ...shape]), shape };
  }

  /** The weight of a layer, by the network's rule. */
  drawn(name: string, layer: Layer): string {
    const { seed, rule } = this.start;
    const random = new Random(seed, 'init', name);
    const from = weightDistribution(rule, layer);
    return this.weight(name, layer.dims, () => draw(from, random));
  }

  /** The bias of a layer: drawn where the network's rule draws biases, else `fixed` by position, 0 when absent. */
  bias(name: string, shape: readonly number[], layer: Layer, fixed: (index: number) => number = () => 0): string {
    const { seed, rule } = this.start;
    const from = biasDistribution(rule, layer);
    if (!from) return this.weight(name, shape, fixed);
    const random = new Random(seed, 'init', name);
    return this.weight(name, shape, () => draw(from, random));
  }

  /** An initializer whose elements `valueAt` gives, by position. */
  weight(name: string, shape: readonly number[], valueAt: (index: number) => number): string {
    const data = Float32Array.from({ length: elementCount(shape) }, (_, i) => valueAt(i));
    return this.#graph.initializer(name, float32(shape, data));
  }

  constant(value: Tensor, stem: string): string {
    return this.#graph.constant(value, stem);
  }

  /** Any operator: its first output, and the shape that it gives one sample. */
  op(
    op: string,
    inputs: readonly (Signal | string)[],
    shape: readonly number[],
    name: string,
    attributes: Attributes = {},
  ): Signal {
    const names = inputs.map((i) => (typeof i === 'string' ? i : i.name));
    return { name: this.#graph.node(op, names, attributes, 1, { name }), shape };
  }

  /** Any operator of several outputs: the names of those that are wanted. */
  outputs(
    op: string,
    inputs: readonly string[],
    wanted: readonly boolean[],
    name: string,
    attributes: Attributes,
  ): string[] {
    const outputNames = wanted.map((w, i) => (w ? `${name}.out${i}` : ''));
    this.#graph.node(op, inputs, attributes, wanted.length, { name, outputNames });
    return outputNames;
  }

  conv(x: Signal, name: string, channels: number, options: ConvOptions = {}): Signal {
    const { kernel = 3, stride = 1, group = 1, dilation = 1, bias = false, padding } = options;
    const [inChannels, ...spatial] = x.shape as [number, ...number[]];
    const kernels = spatial.map((_, i) => (typeof kernel === 'number' ? kernel : (kernel[i] ?? kernel[0]!)));
    const spans = kernels.map((k) => (k - 1) * dilation);
    const begins = spans.map((span) => (padding === 'causal' ? span : (padding ?? Math.floor(span / 2))));
    const ends = spans.map((span, i) => (padding === 'causal' ? 0 : (padding ?? span - begins[i]!)));
    const sizes = spatial.map((n, i) => Math.floor((n + begins[i]! + ends[i]! - spans[i]! - 1) / stride) + 1);
    this.#checkSizes(name, spatial, sizes);
    const perGroup = inChannels / group;
    const layer = { op: 'Conv', dims: [channels, perGroup, ...kernels], group };
    const inputs = [x.name, this.drawn(`${name}.weight`, layer)];
    if (bias) inputs.push(this.bias(`${name}.bias`, [channels], layer));
    const attributes = {
      kernel_shape: ints(kernels),
      strides: ints(spatial.map(() => stride)),
      pads: ints([...begins, ...ends]),
      group: int(group),
      dilations: dilation === 1 ? undefined : ints(spatial.map(() => dilation)),
    };
    return this.op('Conv', inputs, [channels, ...sizes], name, attributes);
  }

  /** Transposed convolution without a bias: (n - 1) * stride - 2 * padding + kernel pixels a side. */
  convTranspose(
    x: Signal,
    name: string,
    channels: number,
    options: { kernel: number; stride: number; padding: number },
  ): Signal {
    const { kernel, stride, padding } = options;
    const [inChannels, ...spatial] = x.shape as [number, ...number[]];
    const sizes = spatial.map((n) => (n - 1) * stride - 2 * padding + kernel);
    const strides = [stride, stride];
    const dims = [inChannels, channels, kernel, kernel];
    const weight = this.drawn(`${name}.weight`, { op: 'ConvTranspose', dims, strides });
    const attributes = {
      kernel_shape: ints([kernel, kernel]),
      strides: ints(strides),
      pads: ints([padding, padding, padding, padding]),
    };
    return this.op('ConvTranspose', [x.name, weight], [channels, ...sizes], name, attributes);
  }

  #checkSizes(name: string, from: readonly number[], to: readonly number[]): void {
    if (to.some((d) => d < 1))
      throw new TrainingError('bad-options', `layer '${name}' would shrink ${from.join('x')} to nothing`);
  }

  /** @param scale what each channel's scale starts with */
  batchNorm(x: Signal, name: string, scale = 1): Signal {
    const channels = [x.shape[0]!];
    const constant = (stem: string, value: number): string => this.weight(`${name}.${stem}`, channels, () => value);
    const inputs = [
      x.name,
      constant('scale', scale),
      constant('shift', 0),
      constant('mean', 0),
      constant('variance', 1),
    ];
    const attributes = { epsilon: float(1e-5), momentum: float(0.9) };
    return { name: this.#graph.node('BatchNormalization', inputs, attributes, 1, { name }), shape: x.shape };
  }

  activation(x: Signal, kind: Activation, name: string): Signal {
    const same = (value: string): Signal => ({ name: value, shape: x.shape });
    switch (kind) {
      case 'none':
        return x;
      case 'relu':
        return same(this.#graph.node('Relu', [x.name], {}, 1, { name }));
      case 'leaky':
        return same(this.#graph.node('LeakyRelu', [x.name], { alpha: float(0.2) }, 1, { name }));
      case 'gelu':
        return same(this.#graph.node('Gelu', [x.name], {}, 1, { name }));
      case 'tanh':
        return same(this.#graph.node('Tanh', [x.name], {}, 1, { name }));
      case 'hardswish':
        return same(this.#graph.node('HardSwish', [x.name], {}, 1, { name }));
      case 'relu6': {
        const bounds = [0, 6].map((v) => this.#graph.constant(float32([], [v]), `${name}.bound`));
        return same(this.#graph.node('Clip', [x.name, ...bounds], {}, 1, { name }));
      }
    }
  }

  /** Convolution, batch normalisation and activation under one name. */
  convUnit(
    x: Signal,
    name: string,
    channels: number,
    options: ConvOptions = {},
    activation: Activation = 'relu',
  ): Signal {
    const y = this.batchNorm(this.conv(x, `${name}.conv`, channels, options), `${name}.bn`);
    return this.activation(y, activation, `${name}.act`);
  }

  add(a: Signal, b: Signal, name: string): Signal {
    return { name: this.#graph.node('Add', [a.name, b.name], {}, 1, { name }), shape: a.shape };
  }

  maxPool(x: Signal, size: number, name: string): Signal {
    return this.#pool('MaxPool', x, size, name);
  }

  averagePool(x: Signal, size: number, name: string): Signal {
    return this.#pool('AveragePool', x, size, name);
  }

  #pool(op: string, x: Signal, size: number, name: string): Signal {
    const [channels, ...spatial] = x.shape as [number, ...number[]];
    const sizes = spatial.map((n) => Math.floor(n / size));
    this.#checkSizes(name, spatial, sizes);
    const all = ints(spatial.map(() => size));
    return this.op(op, [x], [channels, ...sizes], name, { kernel_shape: all, strides: all });
  }

  globalPool(x: Signal, name: string): Signal {
    const pooled = this.#graph.node('GlobalAveragePool', [x.name], {}, 1, { name });
    return this.flatten({ name: pooled, shape: [x.shape[0]!, 1, 1] }, `${name}.flat`);
  }

  flatten(x: Signal, name: string): Signal {
    if (x.shape.length === 1) return x;
    return {
      name: this.#graph.node('Flatten', [x.name], { axis: int(1) }, 1, { name }),
      shape: [elementCount(x.shape)],
    };
  }

  dropout(x: Signal, ratio: number, name: string): Signal {
    if (ratio === 0) return x;
    const input = this.#graph.constant(float32([], [ratio]), `${name}.ratio`);
    return { name: this.#graph.node('Dropout', [x.name, input], {}, 1, { name }), shape: x.shape };
  }

  dense(x: Signal, name: string, units: number, activation: Activation = 'none', options: DenseOptions = {}): Signal {
    const dims = [units, x.shape[0]!];
    const layer = { op: 'Gemm', dims, transB: true, rectified: rectifiers.has(activation) };
    const inputs = [x.name, this.drawn(`${name}.weight`, layer)];
    if (options.bias ?? true) inputs.push(this.bias(`${name}.bias`, [units], layer));
    const y = this.#graph.node('Gemm', inputs, { transB: int(1) }, 1, { name });
    return this.activation({ name: y, shape: [units] }, activation, `${name}.act`);
  }

  /** Restores a sample's shape from a flat vector. */
  reshape(x: Signal, shape: readonly number[], name: string): Signal {
    const target = this.#graph.constant(int64([shape.length + 1], [-1, ...shape]), `${name}.shape`);
    return { name: this.#graph.node('Reshape', [x.name, target], {}, 1, { name }), shape };
  }

  model(output: Signal, name: string): Model {
    this.#graph.output(output.name, 'float32', ['N', ...output.shape]);
    return this.#graph.build({ name });
  }
}
