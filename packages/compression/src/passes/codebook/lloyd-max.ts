/** The best list of values for numbers in one dimension: Lloyd's first method (Lloyd, 1982; Max, 1960). */

export interface ScalarQuantizer {
  /** Reconstruction values, ascending. */
  readonly values: Float64Array;
  /** Between neighbours: a number below boundary i and not below boundary i - 1 becomes value i. One fewer than values. */
  readonly boundaries: Float64Array;
}

const ROUNDS = 200;
/** Relative gain of a round below which they end. */
const SMALLEST_GAIN = 1e-7;

const midpoints = (values: Float64Array): Float64Array =>
  Float64Array.from({ length: values.length - 1 }, (_, i) => ((values[i] as number) + (values[i + 1] as number)) / 2);

/** Index of the first element of `sorted` that is not below `limit`. */
function firstNotBelow(sorted: Float64Array, limit: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

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
function start(sorted: Float64Array, weights: Float64Array, count: number): Float64Array {
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

/**
 * Starts where many values would be best, then takes means and midpoints in turns; each round loses no accuracy. Where more of the numbers
 * are exactly 0 than one value's share, one value is 0 and the others are those of the rest: what was pruned stays pruned. Fewer
 * values come back where there are fewer different numbers.
 *
 * @param numbers finite, at least one
 * @param count values that are allowed, at least two
 * @param weights by how much the square of each number's error counts; 1 when absent
 */
export function lloydMax(numbers: Float64Array, count: number, weights?: Float64Array): ScalarQuantizer {
  const zeros = zerosIn(numbers);
  if (zeros === numbers.length || zeros * count <= numbers.length) return withoutZero(numbers, count, weights);
  const rest = withoutZero(
    numbers.filter((x) => x !== 0),
    count - 1,
    weights?.filter((_, i) => numbers[i] !== 0),
  );
  const values = Float64Array.of(...rest.values, 0).sort();
  return { values, boundaries: midpoints(values) };
}

function withoutZero(numbers: Float64Array, count: number, weights?: Float64Array): ScalarQuantizer {
  const order = Uint32Array.from(numbers, (_, i) => i).sort((a, b) => (numbers[a] as number) - (numbers[b] as number));
  const sorted = Float64Array.from(order, (i) => numbers[i] as number);
  const weighed = Float64Array.from(order, (i) => weights?.[i] ?? 1);
  const n = sorted.length;
  const different = [...new Set(sorted)];
  if (different.length <= count) {
    const values = Float64Array.from(different);
    return { values, boundaries: midpoints(values) };
  }
  const [shares, sums, squares] = [new Float64Array(n + 1), new Float64Array(n + 1), new Float64Array(n + 1)];
  for (let i = 0; i < n; i++) {
    const [x, weight] = [sorted[i] as number, weighed[i] as number];
    shares[i + 1] = (shares[i] as number) + weight;
    sums[i + 1] = (sums[i] as number) + weight * x;
    squares[i + 1] = (squares[i] as number) + weight * x * x;
  }
  let values = start(sorted, weighed, count);
  let before = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const edges = [0, ...Array.from(midpoints(values), (m) => firstNotBelow(sorted, m)), n];
    let error = 0;
    values = values.map((value, i) => {
      const [from, to] = [edges[i] as number, edges[i + 1] as number];
      const share = (shares[to] as number) - (shares[from] as number);
      if (!(share > 0)) return value;
      const sum = (sums[to] as number) - (sums[from] as number);
      const mean = sum / share;
      error += (squares[to] as number) - (squares[from] as number) - sum * mean;
      return mean;
    });
    if (round > 0 && before - error <= SMALLEST_GAIN * before) break;
    before = error;
  }
  values.sort();
  return { values, boundaries: midpoints(values) };
}
