/** Counts of the values of a tensor, added as they come, whatever their range turns out to be. */

/** Bins of the widest span: between half of these and all are in use. */
export const BINS = 4096;

export interface Range {
  min: number;
  max: number;
}

/**
 * Bins are [k w, (k + 1) w) for whole k, with w a power of two that doubles when the values outgrow the bins. Dividing a float32 by
 * a power of two is exact, so the counts do not depend on how the values were cut into batches.
 */
export class Histogram {
  readonly counts = new Float64Array(BINS);
  /** Index k of the first bin. */
  start = 0;
  /** Width of a bin; 0 until a value other than zero comes. */
  width = 0;
  total = 0;
  /** Values that are zero exactly, which every scale represents; they are in `counts`, too. */
  zeros = 0;
  min = Infinity;
  max = -Infinity;

  /** @returns a value that is not finite, where there is one; nothing is counted then */
  add(values: Float32Array): number | null {
    let [min, max, sum] = [Infinity, -Infinity, 0];
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      sum += value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    // Sums of doubles stay finite unless a value is not.
    if (!Number.isFinite(sum)) return values.find((v) => !Number.isFinite(v))!;
    if (values.length > 0) this.count(values, 1, { min, max });
    return null;
  }

  /**
   * @param values finite
   * @param times how many each stands for
   * @param range holds them, and those that they stand for
   */
  count(values: Float32Array, times: number, range: Range): void {
    this.min = Math.min(this.min, range.min);
    this.max = Math.max(this.max, range.max);
    const counted = values.length * times;
    this.total += counted;
    if (this.min === 0 && this.max === 0) {
      this.zeros += counted;
      return;
    }
    this.#reach(Math.min(0, this.min), Math.max(0, this.max));
    const { counts, start } = this;
    const factor = 1 / this.width;
    let zeros = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value === 0) zeros += times;
      // Not negative, so that cutting the fraction off is rounding down.
      else counts[(value * factor - start) | 0]! += times;
    }
    this.#count(-start, zeros);
    this.zeros += zeros;
  }

  /** What both of two histograms have counted. */
  with(other: Histogram): Histogram {
    const both = new Histogram();
    for (const one of [this, other]) {
      both.total += one.total;
      both.zeros += one.zeros;
      both.min = Math.min(both.min, one.min);
      both.max = Math.max(both.max, one.max);
    }
    const { min, max } = both.range;
    if (!(max > min)) return both;
    both.#reach(min, max);
    both.counts.fill(0);
    for (const { counts, start, width, zeros } of [this, other])
      if (width === 0) both.#count(-both.start, zeros);
      else
        for (let k = 0; k < BINS; k++)
          if (counts[k]! > 0) both.#count(Math.floor(((start + k) * width) / both.width) - both.start, counts[k]!);
    return both;
  }

  /** The range of all values and zero. */
  get range(): Range {
    return { min: Math.min(0, this.min), max: Math.max(0, this.max) };
  }

  #count(bin: number, more: number): void {
    this.counts[bin] = (this.counts[bin] as number) + more;
  }

  /** Makes the bins cover a range, which holds zero and all values so far. */
  #reach(min: number, max: number): void {
    const first = this.width === 0;
    if (first) this.width = 2 ** Math.max(-1000, Math.floor(Math.log2((max - min) / BINS)));
    const before = this.width;
    while (Math.floor(max / this.width) - Math.floor(min / this.width) >= BINS) this.width *= 2;
    const start = Math.floor(min / this.width);
    if (first) {
      this.start = start;
      this.#count(-start, this.zeros);
      return;
    }
    const ratio = this.width / before;
    if (ratio === 1 && start === this.start) return;
    const old = this.counts.slice();
    this.counts.fill(0);
    for (let k = 0; k < BINS; k++) {
      const count = old[k] as number;
      if (count > 0) this.#count(Math.floor((this.start + k) / ratio) - start, count);
    }
    this.start = start;
  }
}
