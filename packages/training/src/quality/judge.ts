/** What judges one output of a model against what it should have been, batch by batch. */
import type { Accuracy, MetricName, Quality, QualityTask } from '@verge/contracts';
import type { Samples } from '@verge/data';
import type { Tensor } from '@verge/onnx';
import { metricTable } from '../metrics/table.js';
import { TrainingError } from '../errors.js';

/** The samples of a run that are new, and where they stand. */
export interface JudgedBatch {
  readonly samples: Samples;
  readonly from: number;
  /** How many are new; the run took `rows`. */
  readonly used: number;
  readonly rows: number;
}

export interface Judged {
  readonly quality: readonly Quality[];
  /** Of a classifier. */
  readonly accuracy?: Accuracy;
  /** confusion[true class][predicted class], counts. */
  readonly confusion?: number[][];
  readonly notes: readonly string[];
}

export interface Judge {
  readonly output: string;
  readonly task: QualityTask;
  /** What a classifier says the classes by; of labels alone nothing is known but the first class. */
  readonly by?: 'scores' | 'labels';
  /** @throws TrainingError `bad-samples` for an output that cannot be judged: of another form than it should have, or NaN */
  add(output: Tensor, batch: JudgedBatch): void;
  finish(): Judged;
}

/** A figure in the form of the contracts; null for one that is no number, which was not measured. */
export function figure(
  judge: Pick<Judge, 'output' | 'task'>,
  metric: MetricName,
  value: number | undefined,
  more: Pick<Quality, 'samples' | 'interval' | 'baseline'>,
): Quality[] {
  if (value === undefined || !Number.isFinite(value)) return [];
  const { output, task } = judge;
  return [{ output, task, metric, value, higherIsBetter: metricTable[metric].better === 'higher', ...more }];
}

export function unfit(output: string, what: string): TrainingError {
  return new TrainingError('bad-samples', `output '${output}' ${what}`);
}

/** A list that grows by runs of numbers. */
export class Column {
  #values = new Float64Array(256);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const wider = new Float64Array(2 * this.#length);
      wider.set(this.#values);
      this.#values = wider;
    }
    this.#values[this.#length++] = value;
  }

  get values(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }
}
