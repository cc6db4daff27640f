/** Networks with random weights for the tests of this package. */
import { Random } from '@verge/data';
import {
  decodeModel,
  encodeModel,
  float,
  float32,
  GraphBuilder,
  int,
  int64,
  ints,
  type Model,
  type SessionFactory,
  type Tensor,
} from '@verge/onnx';

/** Gives every float constant of one axis random values near those it has, so that normalisations are not the identity. */
export function shaken(model: Model, seed = 7): Model {
  const random = new Random(seed);
  const copy = decodeModel(encodeModel(model));
  for (const [name, stored] of copy.graph.initializers) {
    const { value } = stored;
    if (!('data' in value) || value.dtype !== 'float32' || value.dims.length !== 1) continue;
    // Variances and scales stay positive.
    copy.graph.initializers.set(name, {
      ...stored,
      value: float32(
        value.dims,
        value.data.map((v) => v + random.unit() * 0.6),
      ),
    });
  }
  return copy;
}

export function randomTensor(dims: readonly number[], seed = 1): Tensor & { dtype: 'float32' } {
  const random = new Random(seed);
  return float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.symmetric(1)),
  );
}

type Outputs = (model: Model, x: Tensor) => Promise<Float32Array>;

/** Runs a model on one input and gives its first output. */
export function outputWith(createSession: SessionFactory): Outputs {
  return async (model, x) => {
    const session = await createSession(encodeModel(model));
    try {
      const outputs = await session.run({ [session.inputNames[0]!]: x });
      return outputs[session.outputNames[0]!]!.data as Float32Array;
    } finally {
      await session.release();
    }
  };
}

export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  return a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0);
}

/** Signal to noise, dB: the squares of what is right over those of the differences. */
export function decibels(exact: ArrayLike<number>, got: ArrayLike<number>): number {
  let [signal, noise] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    signal += exact[i]! ** 2;
    noise += (exact[i]! - got[i]!) ** 2;
  }
  return noise === 0 ? Infinity : 10 * Math.log10(signal / noise);
}

/** A network of transformers' kind over token ids: a table, attention of one head, a normalisation, two dense layers. */
export function tokenNetwork({ width = 64, words = 50, tokens = 8, seed = 5, size = 1 } = {}): Model {
  const g = new GraphBuilder();
  const weight = (name: string, ...dims: number[]): string => {
    const { data } = randomTensor(dims, seed + name.length * 7 + dims[0]!);
    const scale = size / Math.sqrt(dims[0]!);
    return g.initializer(name, float32(dims, data.map((v) => v * scale))); // prettier-ignore
  };
  const node = (op: string, inputs: string[], attributes = {}): string => g.node(op, inputs, attributes);
  const table = g.initializer('table', randomTensor([words, width], seed));
  const x = node('Gather', [table, g.input('ids', 'int64', ['n', tokens])]);
  const [q, k, v] = ['query', 'key', 'value'].map((name) =>
    g.node('MatMul', [x, weight(name, width, width)], {}, 1, { name: `${name}s` }),
  ) as [string, string, string];
  const scores = node('MatMul', [q, node('Transpose', [k], { perm: ints([0, 2, 1]) })]);
  const root = g.initializer('root', float32([], [Math.sqrt(width)]));
  const seen = node('MatMul', [node('Softmax', [node('Div', [scores, root])], { axis: int(-1) }), v]);
  const [gamma, beta] = [g.initializer('gamma', float32([width], new Float32Array(width).fill(1))), g.initializer('beta', float32([width], new Float32Array(width)))]; // prettier-ignore
  const normal = node('LayerNormalization', [node('Add', [x, seen]), gamma, beta]);
  const hidden = node('Relu', [node('Add', [node('MatMul', [normal, weight('up', width, 2 * width)]), weight('up.bias', 2 * width)])]); // prettier-ignore
  const mean = node('ReduceMean', [node('MatMul', [hidden, weight('down', 2 * width, width)])], { axes: ints([1]), keepdims: int(0) }); // prettier-ignore
  const attributes = { transB: int(1), alpha: float(0.5) };
  g.node('Gemm', [mean, weight('head', 40, width), weight('head.bias', 40)], attributes, 1, { name: 'head', outputNames: ['y'] }); // prettier-ignore
  g.output('y', 'float32', ['n', 40]);
  return g.build({ opset: 17, irVersion: 8 });
}

export function randomIds(dims: readonly number[], words = 50, seed = 3): Tensor & { dtype: 'int64' } {
  const random = new Random(seed);
  return int64(dims, Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => Math.floor(random.unit() * words))); // prettier-ignore
}
