/** The books of a run: what each epoch was like, which one is kept, and whether it goes on. */
import type { Checkpoint } from '../checkpoint.js';
import { metricTable, type MetricName } from '../metrics/table.js';
import type { Progress } from '../progress.js';
import { nextPlateau, plateauStart, type ScheduleSpec } from '../schedule.js';
import type { Validation } from './validation.js';

export interface JournalOptions {
  readonly keep: 'best' | 'last';
  readonly earlyStop?: { readonly patience: number; readonly minDelta?: number };
  /** The figure that decides; when absent accuracy, then loss, for the best epoch, and the loss for the end. */
  readonly monitor?: 'loss' | MetricName;
  /** `plateau` follows the figure that decides when to stop. */
  readonly schedule?: ScheduleSpec;
}

type Books = Pick<Checkpoint, 'history' | 'best' | 'patience' | 'plateau'>;

export class Journal {
  readonly #o: JournalOptions;
  #history: Progress[] = [];
  #best: Checkpoint['best'] = null;
  #patience: Checkpoint['patience'] = { loss: null, epochs: 0 };
  #plateau = plateauStart;

  constructor(options: JournalOptions) {
    this.#o = options;
  }

  get history(): readonly Progress[] {
    return this.#history;
  }

  get best(): NonNullable<Checkpoint['best']> {
    return this.#best!;
  }

  get plateau(): Checkpoint['plateau'] {
    return this.#plateau;
  }

  get books(): Books {
    return { history: this.#history, best: this.#best, patience: this.#patience, plateau: this.#plateau };
  }

  restore({ history, best, patience, plateau }: Books): void {
    this.#history = [...history];
    this.#best = best;
    this.#patience = patience;
    this.#plateau = plateau;
  }

  /** The monitored figure, turned so that less is better; a figure that does not exist is worse than any other (JSON has no infinity). */
  #cost({ loss, metrics }: Validation): number {
    const { monitor = 'loss' } = this.#o;
    if (monitor === 'loss') return loss;
    const value = metrics[monitor];
    if (value === undefined) return Number.MAX_VALUE;
    return metricTable[monitor].better === 'lower' ? value : -value;
  }

  #isBetter(v: Validation): boolean {
    const best = this.#best;
    if (!best) return true;
    const { accuracy, loss } = v;
    if (this.#o.monitor === undefined) {
      return accuracy > best.accuracy || (accuracy === best.accuracy && loss < best.loss);
    }
    const before = best.cost ?? Number.MAX_VALUE;
    const cost = this.#cost(v);
    return cost < before || (cost === before && loss < best.loss);
  }

  /** Enters an epoch. @returns whether its weights are the ones to keep */
  enter(progress: Progress, validation: Validation): boolean {
    this.#history.push(progress);
    const { loss, accuracy, metrics } = validation;
    const cost = this.#cost(validation);
    const kept = this.#o.keep === 'last' || this.#isBetter(validation);
    if (kept) this.#best = { epoch: progress.epoch, loss, accuracy, metrics, cost };
    const least = this.#patience.loss;
    const improved = least === null || cost < least - (this.#o.earlyStop?.minDelta ?? 0);
    this.#patience = improved ? { loss: cost, epochs: 0 } : { loss: least, epochs: this.#patience.epochs + 1 };
    const { schedule } = this.#o;
    if (schedule?.name === 'plateau') this.#plateau = nextPlateau(schedule, this.#plateau, cost);
    return kept;
  }

  get stops(): boolean {
    const { earlyStop } = this.#o;
    return earlyStop !== undefined && this.#patience.epochs >= earlyStop.patience;
  }
}
