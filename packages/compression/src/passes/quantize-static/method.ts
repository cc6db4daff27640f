/** Ranges of activations by the methods that a recipe can name. */
import type { Half, Question } from '../../study/ask.js';
import { Counts } from '../../study/counts.js';
import { Extremes } from '../../study/extremes.js';
import { inputRange, InputValues } from '../../study/inputs.js';
import { chooseRange, type ChosenRange, type RangeMethod } from '../../study/ranges.js';

/** A range for each group of activations. */
export type Ranges = ReadonlyMap<string, ChosenRange>;

/** What is asked of samples for the ranges by some methods: min-max alone needs no histogram. */
export class RangeStudy {
  readonly questions: readonly Question[];
  readonly #extremes: Extremes;
  readonly #known = new Map<string, Ranges>();
  readonly #counts: Counts | null;
  readonly #inputs = new InputValues();

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
    this.questions = [this.#extremes, ...(this.#counts ? [this.#counts] : []), this.#inputs];
  }

  /** The ranges by a method, once the questions are answered: from all samples, or from half of them. */
  by(method: RangeMethod, half?: Half): Ranges {
    const key = `${method} ${half ?? ''}`;
    const ranges = this.#known.get(key) ?? this.#chosen(method, half);
    this.#known.set(key, ranges);
    return ranges;
  }

  /** The methods that differ in more than their name: one whose ranges clip nothing is as good as any other that clips nothing. */
  different(): readonly RangeMethod[] {
    const [asked] = this.methods;
    const clips = asked !== undefined && [...this.by(asked).values()].some((range) => range.clips);
    return clips ? this.methods : this.methods.slice(0, 1);
  }

  #chosen(method: RangeMethod, half: Half | undefined): Ranges {
    const { percentile, giveWay = true } = this.options;
    const whole = half ? this.#extremes.of(half) : this.#extremes.ranges;
    const histograms = this.#counts && (half ? this.#counts.of(half) : this.#counts.histograms);
    return new Map(
      [...whole].map(([name, range]) => {
        const values = this.#inputs.of(name);
        // What a squared error cuts off an input is what these samples have little of, and lost to every layer.
        const asked = values !== null && giveWay && method === 'mse' ? 'min-max' : method;
        const chosen =
          histograms === null || asked === 'min-max'
            ? { ...range, clips: false, kept: false }
            : chooseRange(histograms.get(name)!, asked, percentile, giveWay);
        return [name, values === null ? chosen : { ...chosen, ...inputRange(chosen, values) }];
      }),
    );
  }
}
