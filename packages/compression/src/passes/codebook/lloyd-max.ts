/** The best list of values for numbers in one dimension: Lloyd's first method (Lloyd, 1982; Max, 1960). */

import { Sorted } from './sorted.js';

export interface ScalarQuantizer {
  /** Reconstruction values, ascending. */
  readonly values: Float64Array;
  /** Between neighbours: a number below boundary i and not below boundary i - 1 becomes value i. One fewer than values. */
  readonly boundaries: Float64Array;
}

const ROUNDS = 200;
/** Relative gain of a round below which they end. */
const SMALLEST_GAIN = 1e-7;
/** Rounds with a price on bits. */
const RATE_ROUNDS = 60;

export const midpoints = (values: Float64Array): Float64Array =>
  Float64Array.from({ length: values.length - 1 }, (_, i) => ((values[i] as number) + (values[i + 1] as number)) / 2);

/** The place of a number in the list. */
export function placeOf({ boundaries }: ScalarQuantizer, x: number): number {
  let [low, high] = [0, boundaries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x < (boundaries[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

const BINS = 4096;

/**
 * Many values are best spread as the cube root of the density (Panter and Dite, 1951): of a histogram over the whole range. From equal
 * shares of the numbers, which leave the tails to a few values, hundreds of rounds do not get there.
 */
function start({ numbers: sorted, weights }: Sorted, count: number): Float64Array {
  const [low, high] = [sorted[0] as number, sorted.at(-1) as number];
  const width = (high - low) / BINS;
  const bins = new Float64Array(BINS);
  sorted.forEach((x, i) => {
    const own = Math.min(BINS - 1, Math.floor((x - low) / width));
    bins[own] = (bins[own] as number) + (weights[i] as number);
  });
  const total = bins.reduce((all, weight) => all + Math.cbrt(weight), 0);
  const values = new Float64Array(count);
  let [sum, bin] = [0, 0];
  for (let i = 0; i < count; i++) {
    const goal = ((i + 0.5) * total) / count;
    while (bin < BINS - 1 && sum + Math.cbrt(bins[bin] as number) < goal) sum += Math.cbrt(bins[bin++] as number);
    const within = (goal - sum) / Math.max(Math.cbrt(bins[bin] as number), Number.MIN_VALUE);
    values[i] = low + (bin + Math.min(1, within)) * width;
  }
  return values;
}

/** How many of the numbers are 0. */
const zerosIn = (numbers: Float64Array): number => numbers.reduce((count, x) => count + (x === 0 ? 1 : 0), 0);

export interface ListOptions {
  /** By how much the square of each number's error counts; 1 when absent. */
  readonly weights?: Float64Array;
  /** What a bit of a number's place costs once it is packed, in multiples of the least mean squared error; 0 when absent. */
  readonly rate?: number;
}

/**
 * Starts where many values would be best, then takes means and midpoints in turns; each round loses no accuracy. Where more of the numbers
 * are exactly 0 than one value's share, one value is 0 and the others are those of the rest: what was pruned stays pruned. Fewer
 * values come back where there are fewer different numbers, or where `rate` makes some too dear.
 *
 * @param numbers finite, at least one
 * @param count values that are allowed, at least two
 */
export function lloydMax(
  numbers: Float64Array,
  count: number,
  { weights, rate = 0 }: ListOptions = {},
): ScalarQuantizer {
  const zeros = zerosIn(numbers);
  if (zeros === numbers.length || zeros * count <= numbers.length)
    return withoutZero(new Sorted(numbers, weights), count, rate);
  const own = weights?.filter((_, i) => numbers[i] !== 0);
  return withZero(withoutZero(new Sorted(numbers.filter((x) => x !== 0), own), count - 1, rate)); // prettier-ignore
}

/** The same with 0 among the values, and what is nearest to it. */
function withZero({ values, boundaries }: ScalarQuantizer): ScalarQuantizer {
  const at = placeOf({ values, boundaries: values }, 0);
  const more = Float64Array.of(...values.subarray(0, at), 0, ...values.subarray(at));
  const around = midpoints(more).subarray(Math.max(0, at - 1), at + 1);
  const all = [...boundaries.subarray(0, Math.max(0, at - 1)), ...around, ...boundaries.subarray(at)];
  return { values: more, boundaries: Float64Array.from(all) };
}

function withoutZero(sorted: Sorted, count: number, rate: number): ScalarQuantizer {
  const different = [...new Set(sorted.numbers)];
  if (different.length <= count) {
    const values = Float64Array.from(different);
    return { values, boundaries: midpoints(values) };
  }
  let values = start(sorted, count);
  let before = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const found = sorted.means(values, midpoints(values));
    ({ values } = found);
    if (round > 0 && before - found.error <= SMALLEST_GAIN * before) break;
    before = found.error;
  }
  values.sort();
  if (rate === 0) return { values, boundaries: midpoints(values) };
  return withRate(sorted, values, (rate * before) / sorted.weight);
}

/**
 * Values whose places take few bits once they are packed: a number goes where the square of its error and `price` times the bits of the
 * place are least together, and values become means again (Chou, Lookabaugh and Gray 1989, entropy-constrained quantisation). Values that
 * nothing goes to are dropped.
 */
function withRate(sorted: Sorted, from: Float64Array, price: number): ScalarQuantizer {
  let [values, boundaries] = [from, midpoints(from)];
  for (let round = 0; round < RATE_ROUNDS; round++) {
    const { values: means, counts } = sorted.means(values, boundaries);
    values = means.filter((_, i) => (counts[i] as number) > 0);
    const used = counts.filter((n) => n > 0);
    const bits = used.map((n) => -Math.log2(n / sorted.numbers.length));
    boundaries = midpoints(values).map((middle, i) => {
      const apart = (values[i + 1] as number) - (values[i] as number);
      return apart > 0 ? middle + (price * ((bits[i + 1] as number) - (bits[i] as number))) / (2 * apart) : middle;
    });
    // A value that others have pushed out stands for nothing.
    for (let i = 1; i < boundaries.length; i++) boundaries[i] = Math.max(boundaries[i] as number, boundaries[i - 1] as number); // prettier-ignore
  }
  return { values, boundaries };
}
