/** Test support: the steps that random graphs are made of. */
import { float32, graphAttr, int, int64, ints, str, type Attributes, type Graph, type GraphBuilder } from '../index.js';
import { branchOf, loopBody, scanBody } from './random-bodies.js';

/** Uniform numbers in 0..1. */
export type Random = () => number;

export type Sized = { name: string; shape: readonly number[] };

/** Picks sizes that fit, and now and then sizes that do not. */
export class Picker {
  constructor(
    readonly random: Random,
    readonly values: Sized[],
  ) {}

  int(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  one<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)]!;
  }

  value(rank?: number): Sized {
    const fitting = this.values.filter((v) => rank === undefined || v.shape.length === rank);
    return this.one(fitting.length > 0 ? fitting : this.values);
  }

  axis(rank: number): number {
    if (this.random() < 0.03) return rank + 1;
    return rank === 0 ? 0 : this.int(-rank, rank - 1);
  }

  /** A permutation of 0..n-1. */
  shuffled(n: number): number[] {
    const list = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.int(0, i);
      [list[i], list[j]] = [list[j]!, list[i]!];
    }
    return list;
  }
}

type Recipe = (b: GraphBuilder, p: Picker) => string | string[];

const numbers = (b: GraphBuilder, list: readonly number[]): string => b.constant(int64([list.length], list));
const weights = (b: GraphBuilder, dims: number[]): string =>
  b.constant(float32(dims, new Float32Array(dims.reduce((n, d) => n * d, 1)).fill(0.5)));

/** ONNX Runtime does not take automatic padding with strides beyond the kernel. */
const spatial = (p: Picker, kernel: readonly number[]): Attributes => {
  const n = kernel.length;
  const same = p.random() < 0.2;
  return {
    strides: ints(kernel.map((k) => p.int(1, same ? k : 3))),
    dilations: p.random() < 0.3 && !same ? ints(Array.from({ length: n }, () => p.int(1, 2))) : undefined,
    pads: same ? undefined : ints(Array.from({ length: 2 * n }, () => p.int(0, 1))),
    auto_pad: same ? str(p.one(['SAME_UPPER', 'SAME_LOWER', 'VALID'])) : undefined,
  };
};

export const RECIPES: readonly Recipe[] = [
  (b, p) => b.node(p.one(['Relu', 'Neg', 'Sigmoid', 'Identity', 'Abs']), [p.value().name]),
  (b, p) => b.node(p.one(['Add', 'Mul', 'Sub', 'Max']), [p.value().name, p.value().name]),
  (b, p) => {
    const x = p.value();
    return b.node('Softmax', [x.name], { axis: int(p.axis(x.shape.length)) });
  },
  (b, p) => {
    const x = p.value();
    return b.node('Transpose', [x.name], { perm: ints(p.shuffled(x.shape.length)) });
  },
  (b, p) => {
    const x = p.value();
    return b.node('Flatten', [x.name], { axis: int(p.int(-x.shape.length, x.shape.length)) });
  },
  (b, p) => b.node('MatMul', [p.value().name, p.value().name]),
  (b, p) => {
    const x = p.value();
    const rows = x.shape.at(-1) ?? 1;
    return b.node('MatMul', [x.name, weights(b, [p.random() < 0.9 ? rows : rows + 1, p.int(1, 4)])]);
  },
  (b, p) => {
    const x = p.value();
    const parts = [x.name, p.random() < 0.7 ? x.name : p.value(x.shape.length).name];
    return b.node('Concat', parts, { axis: int(p.axis(x.shape.length)) });
  },
  (b, p) => {
    const x = p.value();
    const indices = p.random() < 0.5 ? numbers(b, [0, -1]) : b.constant(int64([], [0]));
    return b.node('Gather', [x.name, indices], { axis: int(p.axis(x.shape.length)) });
  },
  (b, p) => {
    const x = p.value();
    const step = p.one([1, 1, 2, -1]);
    const [from, to] =
      step > 0 ? [p.int(-3, 2), p.one([2, 5, -1, 2 ** 40])] : [p.int(-1, 4), p.one([0, -3, -(2 ** 40)])];
    const axes = numbers(b, [p.axis(x.shape.length)]);
    return b.node('Slice', [x.name, numbers(b, [from]), numbers(b, [to]), axes, numbers(b, [step])]);
  },
  (b, p) => {
    const x = p.value();
    const all = x.shape.reduce((n, d) => n * d, 1);
    const first = p.one([1, 2, 3, x.shape[0] ?? 1, 0]);
    return b.node('Reshape', [x.name, numbers(b, p.one([[-1], [first, -1], [all], [1, -1, 1]]))]);
  },
  (b, p) => {
    const x = p.value();
    const axis = p.random() < 0.8 ? x.shape.indexOf(1) : p.axis(x.shape.length);
    return b.node('Squeeze', axis < 0 ? [x.name] : [x.name, numbers(b, [axis])]);
  },
  (b, p) => {
    const x = p.value();
    return b.node('Unsqueeze', [x.name, numbers(b, [p.axis(x.shape.length + 1)])]);
  },
  (b, p) => {
    const x = p.value();
    return b.node('Expand', [x.name, numbers(b, [2, ...x.shape.map((d) => (p.random() < 0.5 ? 1 : d))])]);
  },
  (b, p) => {
    const x = p.value();
    const count = p.random() < 0.95 ? x.shape.length : x.shape.length + 1;
    return b.node('Tile', [
      x.name,
      numbers(
        b,
        Array.from({ length: count }, () => p.int(1, 2)),
      ),
    ]);
  },
  (b, p) => {
    const x = p.value();
    // ONNX Runtime does not pad scalars.
    if (x.shape.length === 0) return b.node('Relu', [x.name]);
    return b.node('Pad', [
      x.name,
      numbers(
        b,
        Array.from({ length: 2 * x.shape.length }, () => p.int(0, 1)),
      ),
    ]);
  },
  (b, p) => {
    const x = p.value();
    const axis = x.shape.findIndex((d) => d > 1);
    // ONNX Runtime makes no empty parts.
    if (axis < 0) return b.node('Relu', [x.name]);
    return b.node('Split', [x.name], { axis: int(axis), num_outputs: int(2) }, 2);
  },
  (b, p) => {
    const x = p.value();
    const axes = p.random() < 0.8 ? [numbers(b, [p.axis(x.shape.length)])] : [];
    const op = p.one(['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceL2']);
    const noop = p.random() < 0.2 ? int(1) : undefined;
    return b.node(op, [x.name, ...axes], { keepdims: int(p.int(0, 1)), noop_with_empty_axes: noop });
  },
  (b, p) => {
    const x = p.value();
    const k = numbers(b, [p.int(1, 2)]);
    return b.node('TopK', [x.name, k], { axis: int(p.axis(x.shape.length)) }, 2)[0]!;
  },
  (b, p) => {
    const x = p.value(4);
    const [channels = 1] = x.shape.slice(1, 2);
    const group = p.random() < 0.3 ? channels : 1;
    const kernel = [p.int(1, 3), p.int(1, 3)];
    const w = weights(b, [
      group === 1 ? p.int(1, 3) : channels,
      p.random() < 0.95 ? channels / group : channels + 1,
      ...kernel,
    ]);
    return b.node('Conv', [x.name, w], { ...spatial(p, kernel), group: int(group) });
  },
  (b, p) => {
    const x = p.value(4);
    const w = weights(b, [x.shape[1] ?? 1, p.int(1, 2), p.int(1, 3), p.int(1, 3)]);
    return b.node('ConvTranspose', [x.name, w], {
      strides: ints([p.int(1, 2), p.int(1, 2)]),
      pads: ints([0, 0, 0, 0]),
    });
  },
  (b, p) => {
    const kernel = [p.int(2, 3), p.int(2, 3)];
    const attributes = { ...spatial(p, kernel), kernel_shape: ints(kernel), ceil_mode: int(p.int(0, 1)) };
    return b.node(p.one(['MaxPool', 'AveragePool']), [p.value(4).name], attributes);
  },
  (b, p) => b.node('GlobalAveragePool', [p.value(4).name]),
  (b, p) => {
    const x = p.value(4);
    const scales = b.constant(float32([4], [1, 1, p.one([0.5, 1.5, 2]), p.one([0.3, 1, 2.7])]));
    if (p.random() < 0.5) return b.node('Resize', [x.name, '', scales], { mode: str('nearest') });
    const sizes = numbers(b, [p.int(1, 7), p.int(1, 7)]);
    const policy = str(p.one(['stretch', 'not_larger', 'not_smaller']));
    return b.node('Resize', [x.name, '', '', sizes], { axes: ints([2, 3]), keep_aspect_ratio_policy: policy });
  },
  (b, p) => {
    const x = p.value();
    const shape = b.node('Shape', [x.name], { start: int(p.int(0, 1)) });
    const filled = b.node('ConstantOfShape', [shape]);
    return p.random() < 0.5
      ? filled
      : b.node('Reshape', [filled, b.node('Concat', [numbers(b, [1]), shape], { axis: int(0) })]);
  },
  (b, p) => {
    const x = p.value();
    const total = b.node('ReduceProd', [b.node('Shape', [x.name])], { keepdims: int(1) });
    const half = b.node('Div', [total, numbers(b, [2])]);
    return b.node('Reshape', [x.name, b.node('Concat', [half, numbers(b, [-1])], { axis: int(0) })]);
  },
  (b, p) => b.node('Cast', [b.node('NonZero', [p.value().name])], { to: int(1) }),
  (b, p) => {
    const x = p.value();
    const [one, two] = [b.node('Relu', [x.name]), p.random() < 0.7 ? x.name : p.value().name];
    const sequence = b.node('SequenceConstruct', [one, two]);
    if (p.random() < 0.4) return b.node('SequenceAt', [sequence, b.constant(int64([], [p.int(-2, 1)]))]);
    const stack = p.int(0, 1);
    const axis = int(p.axis(x.shape.length + stack));
    return b.node('ConcatFromSequence', [sequence], { axis, new_axis: int(stack) });
  },
  (b, p) => {
    const x = p.value();
    const parts = b.node('SplitToSequence', [x.name, b.constant(int64([], [2]))], {
      axis: int(p.axis(x.shape.length)),
    });
    return b.node('SequenceAt', [parts, b.constant(int64([], [p.one([0, -1])]))]);
  },
  (b, p) => {
    const x = p.value();
    const test = b.node('Greater', [b.node('ReduceSum', [x.name], { keepdims: int(0) }), b.constant(float32([], [0]))]);
    const branch = (op: string): Graph => branchOf(op, x.name);
    const attributes = {
      then_branch: graphAttr(branch('Relu')),
      else_branch: graphAttr(branch(p.one(['Abs', x.shape.length > 0 ? 'Flatten' : 'Neg']))),
    };
    return b.node('If', [test], attributes);
  },
  (b, p) => {
    const x = p.value();
    const trips = b.constant(int64([], [p.int(1, 3)]));
    const body = graphAttr(loopBody(x.shape.length, p.random() < 0.5, p.random() < 0.3));
    return b.node('Loop', [trips, '', x.name], { body }, 2);
  },
  (b, p) => {
    const x = p.value();
    const start = b.node('ReduceSum', [x.name, numbers(b, [0])], { keepdims: int(0) });
    return b.node(
      'Scan',
      [start, x.name],
      { num_scan_inputs: int(1), body: graphAttr(scanBody(b.fresh('size'), x.shape.length - 1)) },
      2,
    );
  },
  (b, p) => {
    const x = p.value(3);
    // ONNX Runtime aborts the process when the rank is another one.
    if (x.shape.length !== 3) return b.node('Relu', [x.name]);
    const [hidden, op] = [p.int(1, 3), p.one(['LSTM', 'GRU', 'RNN'])];
    const gates = { LSTM: 4, GRU: 3, RNN: 1 }[op]!;
    const both = p.random() < 0.3;
    const width = x.shape[2] ?? 1;
    const w = weights(b, [both ? 2 : 1, gates * hidden, width]);
    const r = weights(b, [both ? 2 : 1, gates * hidden, hidden]);
    const direction = both ? str('bidirectional') : undefined;
    return b.node(op, [x.name, w, r], { hidden_size: int(hidden), direction }, 2);
  },
  (b, p) => {
    const x = p.value(2);
    // Here too a wrong rank that only shows at run time aborts the process.
    if (x.shape.length !== 2) return b.node('Neg', [x.name]);
    return b.node('Einsum', [x.name, x.name], {
      equation: str(p.one(['ij,ij->i', 'ij,kj->ik', 'ij,ij->', '...j,...j->j...'])),
    });
  },
  (b, p) => {
    const x = p.value();
    const width = x.shape.at(-1) ?? 1;
    return b.node('LayerNormalization', [x.name, weights(b, [width])], { axis: int(-1) });
  },
];
