/** Second moments of what a layer reads, from rows drawn from samples. */
import { encodeModel, float32, GraphBuilder, int, type Session, type SessionFactory } from '@verge/onnx';
import type { Moments } from './nearest-plane.js';

/** Rows that are multiplied at a time. */
const CHUNK = 256;
/** Rows as short as these are multiplied here: a call of the executor takes longer. */
const SMALL = 32;

/** X^T X on the executor, in float32, which rows of so few samples are not finer than. */
export class SquareProducts {
  #session: Session | null = null;

  constructor(private readonly createSession: SessionFactory) {}

  async of(rows: Float32Array, length: number): Promise<Float32Array> {
    if (length <= SMALL) return ofShort(rows, length);
    this.#session ??= await this.createSession(squareModel());
    const { y } = await this.#session.run({ x: float32([rows.length / length, length], rows) });
    return y!.data as Float32Array;
  }

  async release(): Promise<void> {
    await this.#session?.release();
  }
}

function squareModel(): Uint8Array {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', ['n', 'k']);
  g.node('Gemm', [x, x], { transA: int(1) }, 1, { outputNames: ['y'] });
  g.output('y', 'float32', ['k', 'k']);
  return encodeModel(g.build());
}

function ofShort(rows: Float32Array, length: number): Float32Array {
  const out = new Float32Array(length * length);
  for (let from = 0; from < rows.length; from += length)
    for (let i = 0; i < length; i++) {
      const x = rows[from + i]!;
      for (let j = i; j < length; j++) out[i * length + j]! += x * rows[from + j]!;
    }
  for (let i = 0; i < length; i++) for (let j = 0; j < i; j++) out[i * length + j] = out[j * length + i]!;
  return out;
}

/** Sums of rows and of their products, added as they come. */
export class MomentSums {
  readonly #chunk: Float32Array;
  readonly #mean: Float64Array;
  #products: Float64Array | null = null;
  #filled = 0;
  #rows = 0;

  constructor(readonly length: number) {
    this.#chunk = new Float32Array(CHUNK * length);
    this.#mean = new Float64Array(length);
  }

  /** Whether `settle` is due before the next row. */
  get full(): boolean {
    return this.#filled === CHUNK;
  }

  /** Where the next row is to be written. */
  next(): Float32Array {
    const from = this.#filled++ * this.length;
    this.#rows++;
    return this.#chunk.subarray(from, from + this.length);
  }

  async settle(squares: SquareProducts): Promise<void> {
    if (this.#filled === 0) return;
    const { length } = this;
    const rows = this.#chunk.subarray(0, this.#filled * length);
    for (let from = 0; from < rows.length; from += length)
      for (let k = 0; k < length; k++) this.#mean[k]! += rows[from + k]!;
    const more = await squares.of(rows, length);
    this.#products ??= new Float64Array(length * length);
    for (let i = 0; i < more.length; i++) this.#products[i]! += more[i]!;
    this.#filled = 0;
  }

  mean(): Float64Array {
    return this.#mean.map((sum) => sum / this.#rows);
  }

  /**
   * The moments about zero, or about the mean where a bias takes back what the mean loses; beside the diagonal as far as so few rows tell
   * (Chen et al., "Shrinkage Algorithms for MMSE Covariance Estimation", 2010, equation 23).
   * @param noise variance that rounding adds to each element that is read
   * @param samples that the rows come from: rows of one sample are alike, so that they count as fewer
   */
  moments(aboutMean: boolean, noise: number, samples: number): Moments {
    const { length } = this;
    const rows = this.#rows;
    const h = this.#products!.map((sum) => sum / rows);
    const mean = aboutMean ? this.mean() : new Float64Array(length);
    for (let i = 0; i < length; i++) for (let j = 0; j < length; j++) h[i * length + j]! -= mean[i]! * mean[j]!;
    const keep = 1 - shrinkage(h, length, Math.sqrt(rows * Math.min(rows, samples)));
    const least = (1e-6 * traceOf(h, length)) / length || 1;
    for (let i = 0; i < length; i++)
      for (let j = 0; j < length; j++) {
        if (i === j) h[i * length + i] = Math.max(0, h[i * length + i]!) + noise + least;
        else h[i * length + j]! *= keep;
      }
    return h;
  }
}

function traceOf(h: Moments, length: number): number {
  let trace = 0;
  for (let i = 0; i < length; i++) trace += h[i * length + i]!;
  return trace;
}

/** How much of what is beside the diagonal chance alone would make, 0 to 1. */
function shrinkage(h: Moments, length: number, rows: number): number {
  const trace = traceOf(h, length);
  let square = 0;
  for (const v of h) square += v * v;
  const above = (1 - 2 / length) * square + trace * trace;
  const below = (rows + 1 - 2 / length) * (square - (trace * trace) / length);
  return below <= 0 ? 1 : Math.min(1, Math.max(0, above / below));
}
