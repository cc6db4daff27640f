/** Ranges of activations by the methods that a recipe can name. */
import type { Question } from '../../study/ask.js';
import { Counts } from '../../study/counts.js';
import { Extremes } from '../../study/extremes.js';
import { chooseRange, type ChosenRange, type RangeMethod } from '../../study/ranges.js';

/** A range for each group of activations. */
export type Ranges = ReadonlyMap<string, ChosenRange>;

/** What is asked of samples for the ranges by some methods: min-max alone needs no histogram. */
export class RangeStudy {
  readonly questions: readonly Question[];
  readonly #extremes: Extremes;
  readonly #known = new Map<RangeMethod, Ranges>();
  readonly #counts: Counts | null;

  /**
   * @param groups activations by the representative whose parameters they share
   * @param finite see `Extremes`
   */
  constructor(
    readonly methods: readonly RangeMethod[],
    groups: ReadonlyMap<string, string>,
    readonly options: { percentile: number; giveWay?: boolean },
    finite?: ReadonlySet<string>,
  ) {
    this.#extremes = new Extremes(groups, finite);
    this.#counts = methods.every((method) => method === 'min-max') ? null : new Counts(this.#extremes);
    this.questions = this.#counts ? [this.#extremes, this.#counts] : [this.#extremes];
  }

  /** The ranges by a method, once the questions are answered. */
  by(method: RangeMethod): Ranges {
    const ranges = this.#known.get(method) ?? this.#chosen(method);
    this.#known.set(method, ranges);
    return ranges;
  }

  /** The methods that differ in more than their name: one whose ranges clip nothing is as good as any other that clips nothing. */
  different(): readonly RangeMethod[] {
    const [asked] = this.methods;
    const clips = asked !== undefined && [...this.by(asked).values()].some((range) => range.clips);
    return clips ? this.methods : this.methods.slice(0, 1);
  }

  #chosen(method: RangeMethod): Ranges {
    const { percentile, giveWay = true } = this.options;
    if (method === 'min-max')
      return new Map(
        [...this.#extremes.ranges].map(([name, range]) => [name, { ...range, clips: false, kept: false }]),
      );
    const histograms = [...this.#counts!.histograms];
    return new Map(histograms.map(([name, histogram]) => [name, chooseRange(histogram, method, percentile, giveWay)]));
  }
}
