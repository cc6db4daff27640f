/** Sums over the training batches of the epoch that is under way. */
import type { Checkpoint } from '../checkpoint.js';
import type { LossSpec } from '../losses.js';
import type { Batch } from './feeds.js';
import { classLayout, eachLargest, taskOf, type ClassLayout } from './task.js';

export class Tally {
  #sums: Checkpoint['running'] = { loss: 0, correct: 0, seen: 0 };
  readonly #layout: ClassLayout | undefined;

  /** @param outputShape batch first */
  constructor(loss: LossSpec, outputShape: readonly number[]) {
    if (taskOf(loss) === 'classes') this.#layout = classLayout(loss, outputShape.slice(1));
  }

  get sums(): Checkpoint['running'] {
    return { ...this.#sums };
  }

  restore(sums: Checkpoint['running']): void {
    this.#sums = { ...sums };
  }

  /** Share of right classes; 0 where no classes are predicted. */
  get accuracy(): number {
    return this.#sums.seen === 0 ? 0 : this.#sums.correct / this.#sums.seen;
  }

  /** @param output of the network before the update; of mixed samples the larger part's label is the right one */
  add(loss: number, output: Float32Array, { labels, mix }: Batch): void {
    this.#sums.loss += loss;
    const layout = this.#layout;
    if (!layout || !labels) return;
    eachLargest(output, layout, (index, largest) => {
      const place = mix && mix.weight[index]! < 0.5 ? mix.partner[index]! : index;
      if (labels[place] === layout.ignore) return;
      this.#sums.seen++;
      if (labels[place] === largest) this.#sums.correct++;
    });
  }
}
