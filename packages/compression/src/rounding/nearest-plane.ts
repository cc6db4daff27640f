/**
 * Weights rounded so that what a layer gives changes least, not each weight: least tr((Q - W) H (Q - W)^T) over whole numbers Q, where H has
 * the second moments of what the layer reads. AdaRound (Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", 2020,
 * equation 13) learns that with a relaxation and gradients; here it is Babai's nearest plane ("On Lovász' lattice reduction and the nearest
 * lattice point problem", 1986), which GPTQ (Frantar et al., 2022) is, too: place after place, each rounded once what those before left is
 * taken in. It needs one factorisation, has no rate to choose, and keeps to bounds.
 */
import { dense, type Products } from '../linear-algebra/products.js';
import { upperCholesky } from './cholesky.js';

/** What a level may be, given the others. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
  /** For each place of a column the place whose weight is added to its in 16 bits, or -1; null where nothing is. */
  readonly partners: Int32Array | null;
  /** The largest size of the sum of two such. */
  readonly largestPair: number;
}

/** Levels of `size` places one after the other: a level q stands for (q - zero) step. Both are [blocks, count]. */
export interface Blocks {
  readonly size: number;
  readonly steps: Float64Array;
  readonly zeros: Uint8Array;
}

/**
 * Columns of a layer's weight: what reads the same, one place after the other, [length, count]. In units of its levels, unless there are blocks
 * whose levels have units of their own.
 */
export interface Columns {
  readonly length: number;
  readonly count: number;
  readonly wanted: Float64Array;
  readonly blocks?: Blocks;
}

/** A symmetric positive definite matrix [length, length], row by row. */
export type Moments = Float64Array;

export interface Rounded {
  /** [length, count] */
  readonly levels: Int16Array;
  /** (q - w)^T H (q - w) of each column, of what was given and of the result. */
  readonly before: Float64Array;
  readonly after: Float64Array;
}

/** Places whose errors are handed on together, on the executor. */
const BLOCK = 64;

/** The level nearest to a value, within the bounds and what the partner's leaves. */
function within(value: number, { low, high, largestPair }: Bounds, partner: number): number {
  const least = partner < 0 ? Math.max(low, -largestPair - partner) : low;
  const most = partner > 0 ? Math.min(high, largestPair - partner) : high;
  return Math.min(most, Math.max(least, Math.round(value)));
}

/** Places by how much they weigh, the lightest first: the heaviest are rounded first, and the others take back what that left. */
function byWeight(h: Moments, length: number): Int32Array {
  return Int32Array.from({ length }, (_, k) => k).sort((a, b) => h[a * length + a]! - h[b * length + b]!);
}

/** Rows `from` of a matrix of `count` columns, in this order. */
function permuted(order: Int32Array, count: number, rows: Float64Array): Float64Array {
  const out = new Float64Array(rows.length);
  order.forEach((place, i) => out.set(rows.subarray(place * count, (place + 1) * count), i * count));
  return out;
}

/** What levels give beyond what is wanted, in its units, [length, count]. */
export function errorsOf({ length, count, wanted, blocks }: Columns, levels: ArrayLike<number>): Float64Array {
  const errors = new Float64Array(length * count);
  for (let k = 0; k < length; k++)
    for (let n = 0; n < count; n++) {
      const [i, own] = [k * count + n, blocks ? Math.floor(k / blocks.size) * count + n : 0];
      const given = blocks ? (levels[i]! - blocks.zeros[own]!) * blocks.steps[own]! : levels[i]!;
      errors[i] = given - wanted[i]!;
    }
  return errors;
}

class NearestPlane {
  readonly levels: Int16Array;
  readonly after: Float64Array;
  readonly #errors: Float64Array;
  /** What errors that are known add to each place, times its pivot. */
  readonly #left: Float64Array;

  constructor(
    private readonly columns: Columns,
    private readonly factored: Factored,
    private readonly bounds: Bounds,
  ) {
    const { length, count } = columns;
    this.levels = new Int16Array(length * count);
    this.after = new Float64Array(count);
    this.#errors = new Float64Array(length * count);
    this.#left = new Float64Array(length * count);
  }

  async run(products: Products): Promise<void> {
    const { length, count } = this.columns;
    for (let end = length; end > 0; end -= BLOCK) {
      const start = Math.max(0, end - BLOCK);
      for (let i = end - 1; i >= start; i--) this.#place(i, start);
      if (start === 0) return;
      const above = new Float64Array(start * (end - start));
      for (let i = 0; i < start; i++)
        above.set(this.factored.u.subarray(i * length + start, i * length + end), i * (end - start));
      const errors = dense(end - start, count, this.#errors.subarray(start * count, end * count));
      const { data } = await products.ab(dense(start, end - start, above), errors);
      for (let i = 0; i < data.length; i++) this.#left[i]! += data[i]!;
    }
  }

  /** One place of all columns, and what its errors add to those of the block that come after. */
  #place(i: number, start: number): void {
    const { columns, bounds, levels } = this;
    const { order, u } = this.factored;
    const { length, count, wanted, blocks } = columns;
    const place = order[i]!;
    const pivot = u[i * length + i]!;
    const partner = bounds.partners?.[place] ?? -1;
    const errors = this.#errors.subarray(i * count, (i + 1) * count);
    const left = this.#left.subarray(i * count, (i + 1) * count);
    const block = blocks ? Math.floor(place / blocks.size) * count : 0;
    for (let n = 0; n < count; n++) {
      const exact = wanted[place * count + n]!;
      const missing = left[n]! / pivot;
      // A block of zeros has a step of 0, and no other level than that of 0.
      const [step, zero] = blocks ? [blocks.steps[block + n]!, blocks.zeros[block + n]!] : [1, 0];
      const target = step === 0 ? zero : (exact - missing) / step + zero;
      const level = within(target, bounds, partner < 0 ? 0 : levels[partner * count + n]!);
      levels[place * count + n] = level;
      errors[n] = (level - zero) * step - exact;
      this.after[n]! += (pivot * (errors[n]! + missing)) ** 2;
    }
    for (let above = start; above < i; above++) {
      const factor = u[above * length + i]!;
      const at = above * count;
      if (factor !== 0) for (let n = 0; n < count; n++) this.#left[at + n]! += factor * errors[n]!;
    }
  }
}

/** Squared lengths of U e, of each column. */
async function lengths(
  u: Float64Array,
  errors: Float64Array,
  { length, count }: Columns,
  products: Products,
): Promise<Float64Array> {
  const sums = new Float64Array(count);
  if (length > BLOCK) {
    const { data } = await products.ab(dense(length, length, u), dense(length, count, errors));
    for (let i = 0; i < data.length; i++) sums[i % count]! += data[i]! ** 2;
    return sums;
  }
  for (let i = 0; i < length; i++)
    for (let n = 0; n < count; n++) {
      let sum = 0;
      for (let j = i; j < length; j++) sum += u[i * length + j]! * errors[j * count + n]!;
      sums[n]! += sum * sum;
    }
  return sums;
}

/** Places in the order in which they are rounded, from the last to the first, and the factor of their moments in that order. */
export interface Factored {
  readonly order: Int32Array;
  readonly u: Float64Array;
}

/** @param h of the places of a column, [length, length] */
export async function factored(h: Moments, length: number, products: Products): Promise<Factored> {
  const order = byWeight(h, length);
  return { order, u: await upperCholesky(h, order, products) };
}

/**
 * @param nearest a rounding within the bounds, [length, count], which each column keeps that no better was found for
 * @param of the places of a column
 */
export async function rounded(
  columns: Columns,
  of: Factored,
  bounds: Bounds,
  nearest: ArrayLike<number>,
  products: Products,
): Promise<Rounded> {
  const { length, count } = columns;
  const { order, u } = of;
  const plane = new NearestPlane(columns, of, bounds);
  await plane.run(products);
  const given = permuted(order, count, errorsOf(columns, nearest));
  const before = await lengths(u, given, columns, products);
  const { levels, after } = plane;
  for (let n = 0; n < count; n++) {
    if (after[n]! < before[n]!) continue;
    for (let k = 0; k < length; k++) levels[k * count + n] = nearest[k * count + n]!;
    after[n] = before[n]!;
  }
  return { levels, before, after };
}
