/**
 * Where weights start. Variances of the published rules follow from a layer's fans: how many products one output sums up
 * (fan-in), and how many outputs one input reaches (fan-out).
 */
import type { Initialisation } from '@verge/contracts';
import { elementCount } from '@verge/onnx';
import type { Random } from './random.js';

/** A rule by name; what `default` means is the architecture's own choice. */
export type InitialisationRule = Exclude<Initialisation, 'default'>;

/** A layer, as far as the values that its weight starts with depend on it. */
export interface Layer {
  /** The operator that reads the weight; its layout of dimensions is that of the weight. */
  readonly op: string;
  /** Dimensions of the weight. */
  readonly dims: readonly number[];
  /** Groups of channels of a Conv or ConvTranspose; 1 when absent. */
  readonly group?: number;
  /** Strides of a ConvTranspose; 1 when absent. */
  readonly strides?: readonly number[];
  /** A Gemm's weight is [units, features]. */
  readonly transB?: boolean;
  /** ReLU or GELU follows. */
  readonly rectified?: boolean;
}

export type Distribution =
  | { readonly kind: 'uniform'; /** Values lie between -bound and bound. */ readonly bound: number }
  | {
      readonly kind: 'normal';
      readonly deviation: number;
      /** Values farther from 0 than this many deviations are drawn again. */
      readonly cut?: number;
    };

const uniform = (bound: number): Distribution => ({ kind: 'uniform', bound });
const normal = (deviation: number): Distribution => ({ kind: 'normal', deviation });

/** Gates of a recurrent operator, whose weights stand below each other: [directions, gates * hidden, features]. */
const gates: Readonly<Record<string, number>> = { RNN: 1, GRU: 3, LSTM: 4 };

/**
 * Fan-in and fan-out of a layer.
 *
 * Of a grouped convolution only the channels of one group count, on both sides: a depthwise 3x3 has 9 and 9. A transposed
 * convolution with strides reaches each output with only a part of its window. A table that is looked up counts as a product
 * with vectors that are 1 in one place. The gates of a recurrent layer are all outputs of its input.
 */
export function fansOf({ op, dims, group = 1, strides = [], transB = false }: Layer): {
  inside: number;
  outside: number;
} {
  const [first, second] = [dims[0] ?? 1, dims[1] ?? 1];
  const window = elementCount(dims.slice(2));
  if (op === 'Conv') return { inside: second * window, outside: (first / group) * window };
  if (op === 'ConvTranspose')
    return { inside: ((first / group) * window) / elementCount(strides), outside: second * window };
  // Leading axes of a matrix (or a recurrent layer's direction) are copies.
  const [rows, columns] = [dims.at(-2) ?? 1, dims.at(-1) ?? 1];
  const turned = (op === 'Gemm' && transB) || Object.hasOwn(gates, op);
  return turned ? { inside: columns, outside: rows } : { inside: rows, outside: columns };
}

/**
 * The bound of PyTorch's uniform values, for weights and biases. `kaiming_uniform_(a=sqrt(5))` of Linear and Conv has
 * sqrt(6 / ((1 + 5) * fan-in)) = 1 / sqrt(fan-in); recurrent modules document 1 / sqrt(hidden) for all that they hold, and
 * ConvTranspose 1 / sqrt(output channels / groups * window).
 */
function torchBound(layer: Layer): number {
  if (Object.hasOwn(gates, layer.op)) return 1 / Math.sqrt((layer.dims.at(-2) ?? 1) / gates[layer.op]!);
  const { inside, outside } = fansOf(layer);
  return 1 / Math.sqrt(layer.op === 'ConvTranspose' ? outside : inside);
}

/** What this project drew before the rule could be chosen: He in convolutions and before rectifiers, else Glorot. */
function heGlorot(layer: Layer): Distribution {
  if (Object.hasOwn(gates, layer.op)) return uniform(torchBound(layer));
  const convolves = layer.op === 'Conv' || layer.op === 'ConvTranspose';
  return weightDistribution(convolves || layer.rectified ? 'he-normal' : 'glorot-uniform', layer);
}

/**
 * What a layer's weight is drawn from.
 *
 * - `pytorch`: as PyTorch's modules start, by their documentation (torch.nn, "Variables"); N(0, 1) for Embedding
 * - `he-normal`, `he-uniform`: variance 2 / fan-in (He et al. 2015, arXiv:1502.01852, section 2.2)
 * - `glorot-normal`, `glorot-uniform`: variance 2 / (fan-in + fan-out) (Glorot and Bengio 2010, equations 12 and 16)
 * - `lecun-normal`: variance 1 / fan-in (LeCun, Bottou, Orr and Müller 1998, "Efficient BackProp", equation 16)
 * - `normal`: deviation 0.02 (DCGAN: Radford, Metz and Chintala 2015, arXiv:1511.06434, section 4)
 * - `truncated-normal`: the same, cut off at two deviations (BERT: Devlin et al. 2018, arXiv:1810.04805, whose code does it),
 *   so that 0.0176 is left
 * - `he-glorot`: He's normal values in convolutions and before ReLU and GELU, Glorot's uniform ones in other dense layers,
 *   1 / sqrt(hidden) as the bound of recurrent ones
 */
export function weightDistribution(rule: InitialisationRule, layer: Layer): Distribution {
  const { inside, outside } = fansOf(layer);
  switch (rule) {
    case 'pytorch':
      return layer.op === 'Gather' ? normal(1) : uniform(torchBound(layer));
    case 'he-normal':
      return normal(Math.sqrt(2 / inside));
    case 'he-uniform':
      return uniform(Math.sqrt(6 / inside));
    case 'glorot-normal':
      return normal(Math.sqrt(2 / (inside + outside)));
    case 'glorot-uniform':
      return uniform(Math.sqrt(6 / (inside + outside)));
    case 'lecun-normal':
      return normal(Math.sqrt(1 / inside));
    case 'normal':
      return normal(0.02);
    case 'truncated-normal':
      return { kind: 'normal', deviation: 0.02, cut: 2 };
    case 'he-glorot':
      return heGlorot(layer);
  }
}

/** What the bias of a layer is drawn from, by its weight; undefined where it starts at fixed values. */
export function biasDistribution(rule: InitialisationRule, layer: Layer): Distribution | undefined {
  return rule === 'pytorch' ? uniform(torchBound(layer)) : undefined;
}

/** One value of a distribution. */
export function draw(from: Distribution, random: Random): number {
  if (from.kind === 'uniform') return random.uniform(-from.bound, from.bound);
  const { deviation, cut = Infinity } = from;
  for (;;) {
    const value = random.normal();
    if (Math.abs(value) <= cut) return deviation * value;
  }
}
