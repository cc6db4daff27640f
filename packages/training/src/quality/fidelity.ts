/** How near an output is to the source model's on the same samples: no labels are needed. */
import type { Fidelity } from '@verge/contracts';
import type { Tensor } from '@verge/onnx';
import {
  areProbabilities,
  eachRow,
  largestAt,
  logProbabilities,
  numbersOf,
  type ClassAxis,
  type Numbers,
} from './reads.js';

/** What identical outputs have, and the most that is said. */
const MOST_DB = 200;

const shown = (dims: readonly number[]): string => `[${dims.join(', ')}]`;

/** Sums over what varies between samples, element by element, about the first sample so that no digits are lost. */
class Variation {
  #first: Float64Array | undefined;
  #sums = new Float64Array(0);
  #squares = new Float64Array(0);
  #counts = new Uint32Array(0);
  /** Of the numbers themselves. */
  power = 0;

  add(values: Numbers, width: number, leftOut: (i: number) => boolean): void {
    this.#first ??= Float64Array.from(values.subarray(0, width), (v) => (Number.isFinite(v) ? v : 0));
    if (this.#sums.length === 0) [this.#sums, this.#squares] = [new Float64Array(width), new Float64Array(width)];
    if (this.#counts.length === 0) this.#counts = new Uint32Array(width);
    for (let i = 0; i < values.length; i++) {
      if (leftOut(i)) continue;
      const [at, value] = [i % width, values[i]!];
      const shifted = value - this.#first[at]!;
      this.#sums[at]! += shifted;
      this.#squares[at]! += shifted * shifted;
      this.#counts[at]!++;
      this.power += value * value;
    }
  }

  /** Sum of squares about the mean of each element over the samples. */
  get variation(): number {
    let total = 0;
    for (let i = 0; i < this.#sums.length; i++) {
      const n = this.#counts[i]!;
      if (n > 0) total += Math.max(0, this.#squares[i]! - (this.#sums[i]! * this.#sums[i]!) / n);
    }
    return total;
  }
}

/** Compares one output of two models batch by batch. */
export class OutputFidelity {
  #reads: Fidelity['reads'] = 'values';
  #problem: string | null = null;
  #samples = 0;
  #rows = 0;
  #same = 0;
  #kl = 0;
  #roots = 0;
  #noise = 0;
  #largest = 0;
  #probabilities: boolean | undefined;
  readonly #variation = new Variation();

  /** @param axis where the classes lie, of outputs that read as classes */
  constructor(
    readonly output: string,
    readonly axis: (dims: readonly number[]) => ClassAxis | null,
  ) {}

  fail(problem: string): void {
    this.#problem ??= problem;
  }

  /**
   * @param rows samples that the run took
   * @param used of them, those that are new
   */
  add(source: Tensor | undefined, other: Tensor | undefined, rows: number, used: number): void {
    if (this.#problem !== null) return;
    if (!source || !other) return this.fail('it is no output any more');
    if (source.dims.join() !== other.dims.join())
      return this.fail(`its shape is ${shown(other.dims)}, that of the source model ${shown(source.dims)}`);
    const [before, after] = [numbersOf(source), numbersOf(other)];
    if ((before === null) !== (after === null))
      return this.fail(`it holds ${other.dtype}, the source model's ${source.dtype}`);
    // An output without a row for each sample is compared as it is.
    const share = source.dims[0] === rows ? used / rows : 1;
    const count = source.data.length * share;
    this.#samples += used;
    if (before === null || after === null) return this.#labels(source, other, count);
    this.#numbers(before.subarray(0, count), after.subarray(0, count), source.dims[0] === rows ? used : 1);
    const axis = this.axis(source.dims);
    if (axis && this.#problem === null) this.#classes(before.subarray(0, count), after.subarray(0, count), axis);
  }

  #labels({ data: a }: Tensor, { data: b }: Tensor, count: number): void {
    this.#reads = 'labels';
    for (let i = 0; i < count; i++) if (a[i] === b[i]) this.#same++;
    this.#rows += count;
  }

  #numbers(a: Numbers, b: Numbers, samples: number): void {
    for (let i = 0; i < a.length; i++) {
      const [x, y] = [a[i]!, b[i]!];
      if (Object.is(x, y) || x === y) continue;
      if (!Number.isFinite(x) || !Number.isFinite(y))
        return this.fail(`it holds ${y} where the source model's holds ${x}`);
      const difference = Math.abs(x - y);
      this.#noise += difference * difference;
      if (difference > this.#largest) this.#largest = difference;
    }
    this.#variation.add(a, a.length / samples, (i) => !Number.isFinite(a[i]!));
  }

  #classes(a: Numbers, b: Numbers, axis: ClassAxis): void {
    this.#reads = 'classes';
    this.#probabilities ??= areProbabilities(a, axis);
    const [p, q] = [new Float64Array(axis.classes), new Float64Array(axis.classes)];
    const probabilities = this.#probabilities;
    eachRow(a.length, axis, (from) => {
      this.#rows++;
      if (largestAt(a, from, axis) === largestAt(b, from, axis)) this.#same++;
      logProbabilities(a, from, axis, probabilities, p);
      logProbabilities(b, from, axis, probabilities, q);
      let kl = 0;
      for (let c = 0; c < p.length; c++) if (p[c]! > -Infinity) kl += Math.exp(p[c]!) * (p[c]! - q[c]!);
      this.#kl += kl;
      this.#roots += Math.sqrt(Math.max(0, kl));
    });
  }

  /** Of one sample nothing is known of what varies; an output that is the same for all samples is a signal by itself. */
  #decibels(): number | null {
    if (this.#noise === 0) return MOST_DB;
    const varies = this.#variation.variation;
    const signal = varies > 0 ? varies : this.#variation.power;
    if (this.#samples < 2 || signal <= 0) return null;
    return Math.min(MOST_DB, 10 * Math.log10(signal / this.#noise));
  }

  /**
   * The square of the mean root of each position's divergence; null where the output is no classes. A few samples that diverge much move it
   * less than they move the mean, so that of few samples it tells more of others.
   */
  get typicalKl(): number | null {
    const root = this.#roots / this.#rows;
    return this.#reads === 'classes' && this.#problem === null && Number.isFinite(root) ? root * root : null;
  }

  finish(): Fidelity {
    const { output } = this;
    const problem = this.#problem ?? (this.#samples === 0 ? 'there is no sample to compare it on' : null);
    const nothing = { agreement: null, kl: null, sqnrDb: null, maxAbsDifference: null };
    if (problem !== null) return { output, reads: this.#reads, samples: 0, ...nothing, problem };
    const numbers = this.#reads !== 'labels';
    const kl = this.#reads === 'classes' ? Math.max(0, this.#kl / this.#rows) : null;
    return {
      ...{ output, reads: this.#reads, samples: this.#samples },
      agreement: this.#reads === 'values' ? null : this.#same / this.#rows,
      kl: kl !== null && Number.isFinite(kl) ? kl : null,
      sqnrDb: numbers ? this.#decibels() : null,
      maxAbsDifference: numbers ? this.#largest : null,
      problem,
    };
  }
}
