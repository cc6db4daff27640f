/** How far a figure of some samples may be from that of all data like them: confidence intervals of 95 %. */
import type { Interval } from '@verge/contracts';
import { Random } from '@verge/data';

/** The 97.5 % quantile of the standard normal distribution. */
const Z = 1.959963984540054;
/** Drawings with replacement. Enough for the second digit of a percentile; fewer where each is long. */
const DRAWINGS = 1000;
const FEWEST_DRAWINGS = 200;
const MOST_DRAWN = 5e7;
const SEED = 20_240_229;

const finite = (low: number, high: number, method: Interval['method']): Interval | null =>
  Number.isFinite(low) && Number.isFinite(high) ? { low, high, method } : null;

/** Wilson's score interval of a share (Wilson, JASA 22(158), 1927), which stays within 0 and 1. */
export function wilson(hits: number, samples: number): Interval | null {
  if (samples < 1) return null;
  const [p, z2] = [hits / samples, Z * Z];
  const scale = 1 + z2 / samples;
  const middle = (p + z2 / (2 * samples)) / scale;
  const half = (Z / scale) * Math.sqrt((p * (1 - p)) / samples + z2 / (4 * samples * samples));
  return finite(Math.max(0, middle - half), Math.min(1, middle + half), 'wilson');
}

/** Mean and 1.96 standard errors, of one value for each sample. */
export function normal(values: ArrayLike<number>): Interval | null {
  const n = values.length;
  if (n < 2) return null;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += values[i]! / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2;
  const half = Z * Math.sqrt(squares / (n - 1) / n);
  return finite(mean - half, mean + half, 'normal');
}

/** The value below which a share `q` lies, between neighbours in proportion (type 7 of Hyndman and Fan, as NumPy has it). */
function quantile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  return sorted[below]! + (at - below) * ((sorted[below + 1] ?? sorted[below]!) - sorted[below]!);
}

/**
 * Percentile bootstrap (Efron 1979): the figure of as many samples drawn with replacement, over and over.
 * @returns null where no drawing gave another figure than the next: that of samples which are all right says nothing of how sure that is
 * @param figure of the samples, each counted as often as its weight says; undefined where it does not exist
 * @param cost numbers that one figure goes through, where they are more than the samples
 */
export function bootstrap(
  samples: number,
  figure: (weights: Uint32Array) => number | undefined,
  cost = samples,
): Interval | null {
  if (samples < 2) return null;
  const random = new Random(SEED);
  const drawings = Math.min(DRAWINGS, Math.max(FEWEST_DRAWINGS, Math.floor(MOST_DRAWN / Math.max(samples, cost))));
  const found: number[] = [];
  const weights = new Uint32Array(samples);
  for (let drawing = 0; drawing < drawings; drawing++) {
    weights.fill(0);
    for (let i = 0; i < samples; i++) weights[Math.floor(random.unit() * samples)]!++;
    const value = figure(weights);
    if (value !== undefined && Number.isFinite(value)) found.push(value);
  }
  if (found.length < FEWEST_DRAWINGS) return null;
  const sorted = Float64Array.from(found).sort();
  if (sorted[0] === sorted.at(-1)) return null;
  return finite(quantile(sorted, 0.025), quantile(sorted, 0.975), 'bootstrap');
}

/** Sum of values, each counted as often as its weight says, over the sum of the weights. */
export function weightedMean(values: ArrayLike<number>, weights: Uint32Array): number {
  let [sum, count] = [0, 0];
  for (let i = 0; i < weights.length; i++) {
    sum += weights[i]! * values[i]!;
    count += weights[i]!;
  }
  return sum / count;
}
