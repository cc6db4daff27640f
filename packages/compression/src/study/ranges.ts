/** Ranges of 8-bit activations from the histogram of what they hold. */
import { BINS, type Histogram, type Range } from './histogram.js';

/** How a range is chosen. */
export type RangeMethod = 'min-max' | 'percentile' | 'entropy' | 'mse';

const LEVELS = 256;

/** The range that keeps `percent` of the values, the rest cut off in equal parts at both ends (at one end where zero bounds). */
export function percentileRange(histogram: Histogram, percent: number): Range {
  const { min, max } = histogram.range;
  const outside = histogram.total * (1 - percent / 100);
  const oneSided = min === 0 || max === 0;
  const cut = (end: number): number => (end === 0 ? 0 : oneSided ? outside : outside / 2);
  return {
    min: min === 0 ? 0 : Math.min(0, Math.max(min, edge(histogram, cut(min), true))),
    max: max === 0 ? 0 : Math.max(0, Math.min(max, edge(histogram, cut(max), false))),
  };
}

function edge({ counts, start, width }: Histogram, cut: number, low: boolean): number {
  let seen = 0;
  for (let k = 0; k < BINS; k++) {
    const bin = low ? k : BINS - 1 - k;
    seen += counts[bin] as number;
    if (seen > cut) return (start + bin + (low ? 0 : 1)) * width;
  }
  return 0;
}

/** Windows that the entropy of a histogram is taken of. */
const WINDOWS = 96;

/**
 * The range whose 8-bit representation loses least information (Kullback-Leibler divergence, after Migacz, "8-bit Inference
 * with TensorRT", 2017): windows from the whole histogram down to 256 bins, the tails clipped into the outer bins. Zeros,
 * which Relu makes many of, are represented exactly by every window: their bin counts no more than its neighbours, or
 * a narrow window would win that has nothing right but them.
 */
export function entropyRange(histogram: Histogram): Range {
  const { min, max } = histogram.range;
  const { start, width } = histogram;
  if (width === 0) return { min, max };
  const zero = -start;
  const bins = Math.floor(max / width) - start + 1;
  const counts = histogram.counts.slice(0, bins);
  counts[zero] = Math.min(counts[zero] ?? 0, Math.max(counts[zero - 1] ?? 0, counts[zero + 1] ?? 0));
  let best: Range = { min, max };
  let lowest = Infinity;
  for (let window = WINDOWS; window > 0; window--) {
    // Both ends come nearer in proportion to their distance from zero.
    const low = zero - Math.round((zero * window) / WINDOWS);
    const high = zero + Math.max(1, Math.round(((bins - zero) * window) / WINDOWS));
    if (high - low < LEVELS) break;
    const divergence = klDivergence(counts, low, high);
    if (divergence < lowest) {
      lowest = divergence;
      best = { min: Math.max(min, (start + low) * width), max: Math.min(max, (start + high) * width) };
    }
  }
  return best;
}

function klDivergence(counts: Float64Array, low: number, high: number): number {
  const p = counts.slice(low, high);
  const n = p.length;
  for (let i = 0; i < low; i++) p[0]! += counts[i] as number;
  for (let i = high; i < counts.length; i++) p[n - 1]! += counts[i] as number;
  const total = p.reduce((a, b) => a + b, 0);
  let sum = 0;
  for (let level = 0; level < LEVELS; level++) {
    const from = Math.floor((level * n) / LEVELS);
    const to = Math.floor(((level + 1) * n) / LEVELS);
    let mass = 0;
    let filled = 0;
    for (let i = from; i < to; i++) {
      mass += counts[low + i] as number;
      if ((p[i] as number) > 0) filled++;
    }
    for (let i = from; i < to; i++) {
      const value = p[i] as number;
      if (value > 0) sum += (value / total) * Math.log(value / Math.max(mass / filled, 1e-12 * total));
    }
  }
  return sum;
}

/** Squared errors of a histogram's values under any range, in constant time each. */
export class ExpectedError {
  readonly #histogram: Histogram;
  /** Sums over the bins before index k of count, count * x and count * x^2, without exact zeros. */
  readonly #sums: [Float64Array, Float64Array, Float64Array];

  /** @param levels whole numbers that represent a range */
  constructor(
    histogram: Histogram,
    readonly levels = LEVELS,
  ) {
    this.#histogram = histogram;
    const { counts, start, width } = histogram;
    this.#sums = [new Float64Array(BINS + 1), new Float64Array(BINS + 1), new Float64Array(BINS + 1)];
    for (let k = 0; k < BINS; k++) {
      const count = (counts[k] as number) - (k === -start ? histogram.zeros : 0);
      const x = (start + k + 0.5) * width;
      for (const [power, sums] of this.#sums.entries()) sums[k + 1] = (sums[k] as number) + count * x ** power;
    }
  }

  /**
   * Summed: their squares for values that are rounded to zero, a twelfth of a squared step for others inside, the squared distance
   * for those outside.
   */
  of({ min, max }: Range): number {
    const { width } = this.#histogram;
    if (width === 0) return 0;
    const step = (max - min) / (this.levels - 1);
    const [low, high] = [this.#bin(min), this.#bin(max)];
    const [from, to] = [this.#bin(Math.max(min, -step / 2)), this.#bin(Math.min(max, step / 2))];
    const [counts, , squares] = this.#sums;
    const rounded = counts[from]! - counts[low]! + (counts[high]! - counts[to]!);
    const toZero = squares[to]! - squares[from]!;
    return (rounded * step * step) / 12 + toZero + this.#beyond(min, 0, low) + this.#beyond(max, high, BINS);
  }

  #bin(x: number): number {
    const { start, width } = this.#histogram;
    return Math.min(BINS, Math.max(0, Math.round(x / width) - start));
  }

  /** Sum of (x - end)^2 over some bins. */
  #beyond(end: number, from: number, to: number): number {
    const [counts, values, squares] = this.#sums;
    const [n, x, xx] = [counts[to]! - counts[from]!, values[to]! - values[from]!, squares[to]! - squares[from]!];
    return Math.max(0, xx - 2 * end * x + end * end * n);
  }
}

/** Ends that are tried on each side of zero. */
const TRIED = 100;

/** The range with the least expected squared error. */
export function mseRange(histogram: Histogram, error = new ExpectedError(histogram)): Range {
  const { min, max } = histogram.range;
  let best: Range = { min, max };
  let least = error.of(best);
  for (let a = TRIED; a > 0; a--) {
    for (let b = TRIED; b > 0; b--) {
      const range = { min: (min * a) / TRIED, max: (max * b) / TRIED };
      const now = error.of(range);
      if (now < least) [least, best] = [now, range];
      if (max === 0) break;
    }
    if (min === 0) break;
  }
  return best;
}

export interface ChosenRange extends Range {
  /** Whether values of the calibration lie outside. */
  clips: boolean;
  /** Whether the method's own range would have cost more than the range of all values, which was taken in its place. */
  kept: boolean;
}

/**
 * @param percent for 'percentile', the share of the values that stays
 * @param giveWay false to take the method's range whatever it costs
 * @returns the method's range, or that of all values where the method's makes the larger squared error on what was counted
 */
export function chooseRange(histogram: Histogram, method: RangeMethod, percent: number, giveWay = true): ChosenRange {
  const whole = histogram.range;
  if (method === 'min-max') return { ...whole, clips: false, kept: false };
  const error = new ExpectedError(histogram);
  const own =
    method === 'mse'
      ? mseRange(histogram, error)
      : method === 'entropy'
        ? entropyRange(histogram)
        : percentileRange(histogram, percent);
  if (giveWay && error.of(own) > error.of(whole)) return { ...whole, clips: false, kept: true };
  return { ...own, clips: own.min > whole.min || own.max < whole.max, kept: false };
}
