/** A two-dimensional kernel as a sum of products of four vectors: the canonical polyadic form. */
import { Random } from '@verge/data';
import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import { leadingSpace } from '../../linear-algebra/leading-space.js';
import { dense, type Dense, type Products } from '../../linear-algebra/products.js';
import { type Decomposed, inputsFirst, type Kernel, norm, outputsFirst } from './kernel.js';

/** Rounds of alternating least squares, and the gain of a round below which they end. */
const ROUNDS = 100;
const SMALLEST_GAIN = 1e-5;
/** Added to the diagonal, relative to its mean: components that resemble each other must not blow up. */
const RIDGE = 1e-6;

/** Start of a factor [n, rank]: leading vectors of its axis, and random numbers where there are more components than these. */
async function start(unfolded: Dense, rank: number, seed: number, products: Products): Promise<Dense> {
  const { rows: n } = unfolded;
  const vectors = await leadingSpace(await products.abt(unfolded, unfolded), Math.min(n, rank), products);
  const random = new Random(seed);
  const factor = dense(n, rank);
  for (let i = 0; i < n; i++)
    for (let r = 0; r < rank; r++)
      factor.data[i * rank + r] = r < vectors.rows ? vectors.data[r * n + i]! : random.symmetric(1);
  return factor;
}

/** Solves factor * gram = target for the factor, [n, rank]. */
function solved(target: Dense, gram: Float64Array): Dense {
  const { rows, columns: rank } = target;
  const system = Matrix.from1DArray(rank, rank, gram);
  const ridge = (RIDGE * system.trace()) / rank;
  for (let r = 0; r < rank; r++) system.set(r, r, system.get(r, r) + ridge);
  const transposed = Matrix.from1DArray(rows, rank, target.data).transpose();
  const solution = new CholeskyDecomposition(system).solve(transposed).transpose();
  return dense(rows, rank, Float64Array.from(solution.to1DArray()));
}

/** Elementwise product of the Gram matrices of the factors, [rank, rank]. */
async function gramOf(factors: readonly Dense[], products: Products): Promise<Float64Array> {
  const grams = await Promise.all(factors.map((f) => products.atb(f, f)));
  return grams.reduce(
    (all, { data }) => all.map((v, i) => v * data[i]!),
    new Float64Array(grams[0]!.data.length).fill(1),
  );
}

/** Khatri-Rao product of factors: [n1 * n2 * ..., rank]. */
function khatriRao(factors: readonly Dense[]): Dense {
  return factors.reduce((left, right) => {
    const rank = left.columns;
    const result = dense(left.rows * right.rows, rank);
    for (let a = 0; a < left.rows; a++)
      for (let b = 0; b < right.rows; b++)
        for (let r = 0; r < rank; r++)
          result.data[(a * right.rows + b) * rank + r] = left.data[a * rank + r]! * right.data[b * rank + r]!;
    return result;
  });
}

const randomFactor = (n: number, rank: number, seed: number): Dense => {
  const random = new Random(seed);
  return dense(
    n,
    rank,
    Float64Array.from({ length: n * rank }, () => random.symmetric(1)),
  );
};

/** Windows of the components summed over one axis, weighed by the other's factor: [n, rank]. */
function weighed(windows: Dense, other: Dense, n: number, place: (own: number, across: number) => number): Dense {
  const rank = windows.columns;
  const result = dense(n, rank);
  for (let own = 0; own < n; own++)
    for (let across = 0; across < other.rows; across++)
      for (let r = 0; r < rank; r++)
        result.data[own * rank + r]! += windows.data[place(own, across) * rank + r]! * other.data[across * rank + r]!;
  return result;
}

/** ||X - X'|| / ||X||, from what the last factor was solved for: ||X||^2 - 2 <X, X'> + ||X'||^2. */
async function errorOf(
  target: Dense,
  factor: Dense,
  gram: Float64Array,
  whole: number,
  products: Products,
): Promise<number> {
  const own = await products.atb(factor, factor);
  const across = target.data.reduce((sum, v, i) => sum + v * factor.data[i]!, 0);
  const square = gram.reduce((sum, v, i) => sum + v * own.data[i]!, 0);
  return whole === 0 ? 0 : Math.sqrt(Math.max(0, whole ** 2 - 2 * across + square)) / whole;
}

/** Scales the factors of each component to one length. */
function balanced(factors: readonly Dense[]): void {
  const rank = factors[0]!.columns;
  for (let r = 0; r < rank; r++) {
    const lengths = factors.map(({ rows, data }) => {
      let squares = 0;
      for (let i = 0; i < rows; i++) squares += data[i * rank + r]! ** 2;
      return Math.sqrt(squares);
    });
    const each = lengths.reduce((a, b) => a * b, 1) ** (1 / factors.length);
    factors.forEach(({ rows, data }, f) => {
      const scale = lengths[f] === 0 ? 0 : each / lengths[f]!;
      for (let i = 0; i < rows; i++) data[i * rank + r]! *= scale;
    });
  }
}

/**
 * Alternating least squares (Kolda and Bader, 2009, 3.4), with a small ridge. Four layers: single places, rows and columns with one
 * window for each component, single places (Lebedev et al., 2015).
 *
 * @param kernel of a two-dimensional window
 */
export async function cp(kernel: Kernel, rank: number, products: Products, signal?: AbortSignal): Promise<Decomposed> {
  const { outputs, inputs, data } = kernel;
  const [height, width] = kernel.window as [number, number];
  const size = height * width;
  const [byOutput, byInput] = [outputsFirst(kernel, size), inputsFirst(kernel, size)];
  let a = await start(byOutput, rank, 1, products);
  let b = await start(byInput, rank, 2, products);
  let rows = randomFactor(height, rank, 3);
  let columns = randomFactor(width, rank, 4);
  const whole = norm(data);
  let error = 1;
  for (let round = 0; round < ROUNDS; round++) {
    signal?.throwIfAborted();
    a = solved(await products.ab(byOutput, khatriRao([b, rows, columns])), await gramOf([b, rows, columns], products));
    b = solved(await products.ab(byInput, khatriRao([a, rows, columns])), await gramOf([a, rows, columns], products));
    // [rank, I, size]: the window of each component alone.
    const along = await products.atb(a, byOutput);
    const windows = dense(size, rank);
    for (let r = 0; r < rank; r++)
      for (let i = 0; i < inputs; i++)
        for (let s = 0; s < size; s++)
          windows.data[s * rank + r]! += b.data[i * rank + r]! * along.data[(r * inputs + i) * size + s]!;
    rows = solved(
      weighed(windows, columns, height, (y, x) => y * width + x),
      await gramOf([a, b, columns], products),
    );
    const target = weighed(windows, rows, width, (x, y) => y * width + x);
    const gram = await gramOf([a, b, rows], products);
    columns = solved(target, gram);
    const now = await errorOf(target, columns, gram, whole, products);
    if (error - now < SMALLEST_GAIN && round > 3) {
      error = now;
      break;
    }
    error = now;
  }
  balanced([a, b, rows, columns]);
  const turned = dense(rank, inputs);
  for (let i = 0; i < inputs; i++) for (let r = 0; r < rank; r++) turned.data[r * inputs + i] = b.data[i * rank + r]!;
  const each = ({ rows: n, data: d }: Dense): Float64Array => {
    const windows = new Float64Array(n * rank);
    for (let i = 0; i < n; i++) for (let r = 0; r < rank; r++) windows[r * n + i] = d[i * rank + r]!;
    return windows;
  };
  return {
    pieces: [
      { outputs: rank, inputs, group: 1, walk: 'none', window: [1, 1], data: turned.data },
      { outputs: rank, inputs: 1, group: rank, walk: 'rows', window: [height, 1], data: each(rows) },
      { outputs: rank, inputs: 1, group: rank, walk: 'columns', window: [1, width], data: each(columns) },
      { outputs, inputs: rank, group: 1, walk: 'none', window: [1, 1], data: a.data },
    ],
    error,
  };
}
