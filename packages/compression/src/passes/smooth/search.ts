/** How much of the spread between channels is best moved from an activation into the weights that read it. */
import type { ChannelRange, ChannelStudy } from '../../study/channels.js';
import { affineParams, roundHalfEven } from '../quantize-static/scale.js';

/** Rows of an activation, and columns of a weight, that a trial multiplies. */
export const TRIAL_ROWS = 48;
const TRIAL_COLUMNS = 64;

export interface Weights {
  /** Row-major [channels, columns]. */
  readonly data: Float32Array;
  readonly columns: number;
}

/**
 * s = max|x|^alpha / max|w|^(1 - alpha) of each channel, over all weights (SmoothQuant, equation 4); 1 for a channel that is zero on
 * either side.
 */
export function factorsFor({ min, max }: ChannelRange, weights: readonly Weights[], alpha: number): Float64Array {
  const largest = new Float64Array(min.length);
  for (const { data, columns } of weights)
    data.forEach((v, i) => {
      const c = Math.floor(i / columns);
      largest[c] = Math.max(largest[c] as number, Math.abs(v));
    });
  return largest.map((weight, c) => {
    const size = Math.max(Math.abs(min[c] as number), Math.abs(max[c] as number));
    return size === 0 || weight === 0 ? 1 : size ** alpha / weight ** (1 - alpha);
  });
}

/** Held back rows in 8 bits, with the one range that the other samples' values fit. */
function roundedRows({ rows, seen: { min, max } }: ChannelStudy, factors: Float64Array): Float64Array[] {
  let [low, high] = [0, 0];
  factors.forEach((s, c) => {
    low = Math.min(low, (min[c] as number) / s);
    high = Math.max(high, (max[c] as number) / s);
  });
  const { scale, zeroPoint } = affineParams({ min: low, max: high }, 'uint8');
  return rows.map((row) =>
    Float64Array.from(row, (v, c) => {
      const place = Math.min(255, Math.max(0, roundHalfEven(v / (factors[c] as number) / scale) + zeroPoint));
      return (place - zeroPoint) * scale;
    }),
  );
}

/** One column of a weight, times the factors, in 8 bits with a scale of its own. */
function roundedColumn(column: Float64Array, factors: Float64Array): Float64Array {
  const scaled = column.map((v, c) => v * (factors[c] as number));
  const scale = scaled.reduce((m, v) => Math.max(m, Math.abs(v)), 0) / 127 || 1;
  return scaled.map((v) => roundHalfEven(v / scale) * scale);
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
};

/** Signal to noise of products in 8 bits, dB, on some rows and columns. */
export function trial(study: ChannelStudy, weights: readonly Weights[], factors: Float64Array): number {
  const rows = roundedRows(study, factors);
  let [signal, noise] = [0, 0];
  for (const { data, columns } of weights) {
    const count = Math.min(TRIAL_COLUMNS, columns);
    for (let k = 0; k < count; k++) {
      const at = Math.floor((k * columns) / count);
      const column = Float64Array.from({ length: study.channels }, (_, c) => data[c * columns + at] as number);
      const rounded = roundedColumn(column, factors);
      study.rows.forEach((row, r) => {
        const exact = dot(row, column);
        signal += exact * exact;
        noise += (exact - dot(rows[r] as Float64Array, rounded)) ** 2;
      });
    }
  }
  return noise === 0 ? Infinity : 10 * Math.log10(signal / noise);
}

export interface Found {
  readonly factors: Float64Array;
  readonly alpha: number;
  /** Signal to noise of the products in 8 bits without factors and with them, dB. */
  readonly before: number;
  readonly after: number;
}

const TRIED = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/** The best of the tried strengths, or the one that was asked for. */
export function search(study: ChannelStudy, weights: readonly Weights[], alpha: number | 'auto'): Found {
  const before = trial(study, weights, new Float64Array(study.channels).fill(1));
  const found = (alpha === 'auto' ? TRIED : [alpha]).map((a): Found => {
    const after = trial(study, weights, factorsFor(study.seen, weights, a));
    return { factors: factorsFor(study.all, weights, a), alpha: a, before, after };
  });
  return found.reduce((best, one) => (one.after > best.after ? one : best));
}
