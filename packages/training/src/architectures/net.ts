/**
 * Layers of the built-in networks over onnx's graph builder. It follows the shape of one sample, names weights after
 * their layer (`stage1.conv.weight`) and draws them from a stream of their own name, so that adding a layer
 * elsewhere does not change them.
 */
import { elementCount, float, float32, GraphBuilder, int, ints, int64, type Model } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import { Random } from '../random.js';

export type Activation = 'relu' | 'relu6' | 'hardswish' | 'tanh' | 'none';

export interface ConvOptions {
  readonly kernel?: number;
  readonly stride?: number;
  readonly group?: number;
  readonly bias?: boolean;
  /** Padding on every side; half the kernel unless told otherwise. */
  readonly padding?: number;
}

/** A value inside the network: its name and the shape of one sample. */
export interface Signal {
  readonly name: string;
  readonly shape: readonly number[];
}

export class Net {
  readonly #graph = new GraphBuilder();
  readonly input: Signal;

  constructor(
    readonly seed: number,
    shape: readonly number[],
  ) {
    this.input = { name: this.#graph.input('input', 'float32', ['N', ...shape]), shape };
  }

  /** Normal weights of variance 2 / fan-in (He et al. 2015, arXiv:1502.01852), for layers before a rectifier. */
  #he(name: string, shape: readonly number[], fanIn: number): string {
    const random = new Random(this.seed, 'init', name);
    const deviation = Math.sqrt(2 / fanIn);
    return this.#weight(name, shape, () => deviation * random.normal());
  }

  /** Uniform weights of variance 2 / (fan-in + fan-out) (Glorot and Bengio 2010). */
  #glorot(name: string, shape: readonly number[], fans: number): string {
    const random = new Random(this.seed, 'init', name);
    const limit = Math.sqrt(6 / fans);
    return this.#weight(name, shape, () => random.uniform(-limit, limit));
  }

  #weight(name: string, shape: readonly number[], draw: () => number): string {
    return this.#graph.initializer(name, float32(shape, Float32Array.from({ length: elementCount(shape) }, draw)));
  }

  conv(x: Signal, name: string, channels: number, options: ConvOptions = {}): Signal {
    const { kernel = 3, stride = 1, group = 1, bias = false, padding = Math.floor(kernel / 2) } = options;
    const [inChannels, height, width] = x.shape as [number, number, number];
    const size = (n: number): number => Math.floor((n + 2 * padding - kernel) / stride) + 1;
    const shape = [channels, size(height), size(width)];
    if (shape.some((d) => d < 1))
      throw new TrainingError('bad-options', `layer '${name}' would shrink ${height}x${width} to nothing`);
    const perGroup = inChannels / group;
    const inputs = [
      x.name,
      this.#he(`${name}.weight`, [channels, perGroup, kernel, kernel], perGroup * kernel * kernel),
    ];
    if (bias) inputs.push(this.#weight(`${name}.bias`, [channels], () => 0));
    const attributes = {
      kernel_shape: ints([kernel, kernel]),
      strides: ints([stride, stride]),
      pads: ints([padding, padding, padding, padding]),
      group: int(group),
    };
    return { name: this.#graph.node('Conv', inputs, attributes, 1, { name }), shape };
  }

  batchNorm(x: Signal, name: string): Signal {
    const channels = [x.shape[0]!];
    const constant = (stem: string, value: number): string => this.#weight(`${name}.${stem}`, channels, () => value);
    const inputs = [x.name, constant('scale', 1), constant('shift', 0), constant('mean', 0), constant('variance', 1)];
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
    const [channels, height, width] = x.shape as [number, number, number];
    const shape = [channels, Math.floor(height / size), Math.floor(width / size)];
    if (shape.some((d) => d < 1))
      throw new TrainingError('bad-options', `layer '${name}' would shrink ${height}x${width} to nothing`);
    const attributes = { kernel_shape: ints([size, size]), strides: ints([size, size]) };
    return { name: this.#graph.node('MaxPool', [x.name], attributes, 1, { name }), shape };
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

  dense(x: Signal, name: string, units: number, activation: Activation = 'none'): Signal {
    const features = x.shape[0]!;
    const weight =
      activation === 'relu'
        ? this.#he(`${name}.weight`, [units, features], features)
        : this.#glorot(`${name}.weight`, [units, features], units + features);
    const bias = this.#weight(`${name}.bias`, [units], () => 0);
    const y = this.#graph.node('Gemm', [x.name, weight, bias], { transB: int(1) }, 1, { name });
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
