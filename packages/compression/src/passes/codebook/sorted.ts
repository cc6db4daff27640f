/** Numbers of a weight in ascending order, with what is needed of any stretch of them at once. */

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

/** What becomes of lists of values in one round. */
export interface Round {
  /** The mean of what each value stands for; the value itself where that is nothing. */
  readonly values: Float64Array;
  /** How many numbers each stands for. */
  readonly counts: Float64Array;
  /** The weighed squares of the differences from the means, added up. */
  readonly error: number;
}

export class Sorted {
  readonly numbers: Float64Array;
  readonly weights: Float64Array;
  /** Sums of the weights, of the weighed numbers and of their weighed squares before each. */
  readonly #shares: Float64Array;
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;

  constructor(numbers: Float64Array, weights?: Float64Array) {
    const order = Uint32Array.from(numbers, (_, i) => i);
    order.sort((a, b) => (numbers[a] as number) - (numbers[b] as number));
    this.numbers = Float64Array.from(order, (i) => numbers[i] as number);
    this.weights = Float64Array.from(order, (i) => weights?.[i] ?? 1);
    const n = numbers.length;
    const [shares, sums, squares] = [new Float64Array(n + 1), new Float64Array(n + 1), new Float64Array(n + 1)];
    for (let i = 0; i < n; i++) {
      const [x, weight] = [this.numbers[i] as number, this.weights[i] as number];
      shares[i + 1] = (shares[i] as number) + weight;
      sums[i + 1] = (sums[i] as number) + weight * x;
      squares[i + 1] = (squares[i] as number) + weight * x * x;
    }
    [this.#shares, this.#sums, this.#squares] = [shares, sums, squares];
  }

  /** The sum of all weights. */
  get weight(): number {
    return this.#shares.at(-1) as number;
  }

  /** Each value becomes the mean of the numbers between its boundaries. */
  means(values: Float64Array, boundaries: Float64Array): Round {
    const edges = [0, ...Array.from(boundaries, (b) => firstNotBelow(this.numbers, b)), this.numbers.length];
    const counts = new Float64Array(values.length);
    let error = 0;
    const moved = values.map((value, i) => {
      const [from, to] = [edges[i] as number, edges[i + 1] as number];
      counts[i] = to - from;
      const share = (this.#shares[to] as number) - (this.#shares[from] as number);
      if (!(share > 0)) return value;
      const sum = (this.#sums[to] as number) - (this.#sums[from] as number);
      const mean = sum / share;
      error += (this.#squares[to] as number) - (this.#squares[from] as number) - sum * mean;
      return mean;
    });
    return { values: moved, counts, error };
  }
}
