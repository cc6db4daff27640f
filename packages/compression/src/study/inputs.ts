/**
 * Ranges of a model's inputs, by the errors that rounding makes on the samples' own values. What comes of 8-bit images lies on a lattice: as
 * x / 127.5 - 1 each value is halfway between two of 256 levels from -1 to 1, and its error three times what it is at any other place.
 */
import type { Tensor } from '@verge/onnx';
import type { Fed, Question } from './ask.js';
import type { Range } from './histogram.js';

/** Values of an input that are looked at in each run. */
const LOOKED_AT = 512;
/** Steps that are tried: each leaves half a level more unused than the one before. */
const TRIED = 16;
/** A lattice with wider steps leaves too many levels unused. */
const WIDEST = 1.5;
const LEVELS = 256;

/** Some values of each input. */
export class InputValues implements Question {
  readonly #values = new Map<string, number[]>();

  ask(): readonly string[] {
    return [];
  }

  take(_values: readonly Tensor[], fed: Fed): void {
    for (const [name, { dtype, data }] of Object.entries(fed)) {
      if (dtype !== 'float32') continue;
      const values = this.#values.get(name) ?? [];
      // Odd, so that rows of even length are not met at the same places.
      const every = Math.floor(data.length / LOOKED_AT) | 1;
      for (let i = 0; i < data.length; i += every) values.push(Number(data[i]));
      this.#values.set(name, values);
    }
  }

  /** @returns null for what is no input, or none of floats */
  of(name: string): readonly number[] | null {
    return this.#values.get(name) ?? null;
  }
}

/** The squared errors of rounding to levels of a step, and their range. */
function rounded(values: readonly number[], min: number, step: number): { range: Range; error: number } {
  const zero = Math.min(LEVELS - 1, Math.max(0, Math.round(-min / step)));
  let error = 0;
  for (const x of values) {
    const level = Math.min(LEVELS - 1 - zero, Math.max(-zero, Math.round(x / step)));
    error += (x - level * step) ** 2;
  }
  return { range: { min: -zero * step, max: (LEVELS - 1 - zero) * step }, error };
}

/** The step of the lattice that values lie on, if they lie on one that is not much wider than a step. */
function latticeStep(values: readonly number[], step: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const [first, last] = [sorted[0]!, sorted.at(-1)!];
  let gap = Infinity;
  for (let i = 1; i < sorted.length; i++) {
    const one = sorted[i]! - sorted[i - 1]!;
    // Less is one place of the lattice, as float32 rounds it.
    if (one > step / 4 && one < gap) gap = one;
  }
  const own = (last - first) / Math.round((last - first) / gap);
  return own >= step && own <= WIDEST * step ? own : null;
}

/**
 * @param range of all values and zero
 * @returns the range, a little wider where fewer levels render the values with a smaller squared error
 */
export function inputRange(range: Range, values: readonly number[]): Range {
  const step = (range.max - range.min) / (LEVELS - 1);
  if (!(step > 0) || values.length < 2) return range;
  const steps = Array.from({ length: TRIED }, (_, k) => (step * (LEVELS - 1)) / (LEVELS - 1 - (k + 1) / 2));
  const lattice = latticeStep(values, step);
  if (lattice !== null) steps.push(lattice);
  let [best, least] = [range, rounded(values, range.min, step).error];
  for (const one of steps) {
    const { range: wider, error } = rounded(values, range.min, one);
    if (error < least) [best, least] = [wider, error];
  }
  return best;
}
