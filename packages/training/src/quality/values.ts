/** Numbers against numbers: regression, forecasts, and networks that give back what they read. */
import type { Quality, QualityTask } from '@verge/contracts';
import { sampleSize, type Samples } from '@verge/data';
import type { Tensor } from '@verge/onnx';
import { measureOutputs } from '../metrics/table.js';
import { rocAuc } from '../metrics/ranking.js';
import { weightedAuc } from './classification.js';
import { bootstrap, normal, weightedMean } from './interval.js';
import { Column, figure, type Judge, type Judged, type JudgedBatch, unfit } from './judge.js';
import { numbersOf } from './reads.js';

/** Outputs and targets up to this many elements are kept, for the coefficient of determination. */
const MOST_KEPT = 2 ** 24;
/** Most elements that its bootstrap goes through a thousand times. */
const MOST_RESAMPLED = 2e5;

/** What the rows of a batch should be, `width` numbers each. */
type TargetsOf = (batch: JudgedBatch) => { values: ArrayLike<number>; width: number };

/** A network without targets learns to reproduce its input. */
export const ownInput: TargetsOf = ({ samples, from, used }) => {
  const width = sampleSize(samples);
  return { values: samples.x.subarray(from * width, (from + used) * width), width };
};

export const ownTargets: TargetsOf = ({ samples, from, used }) => {
  const width = samples.targets!.length / samples.y.length;
  return { values: samples.targets!.subarray(from * width, (from + used) * width), width };
};

/** Rows side by side in one array that grows. */
class Rows {
  readonly #parts: Float32Array[] = [];
  length = 0;

  push(part: Float32Array): void {
    this.#parts.push(part);
    this.length += part.length;
  }

  get all(): Float32Array {
    const whole = new Float32Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  clear(): void {
    this.#parts.length = 0;
    this.length = 0;
  }
}

const NORMAL = /^(normal|ok|good|healthy|nominal|inlier)$/i;

/** The label that is not the normal one, where there are two and one says that it is. */
export function anomalousLabel(labels: readonly string[]): number | null {
  const ordinary = labels.map((label) => NORMAL.test(label.trim()));
  return labels.length === 2 && ordinary.filter(Boolean).length === 1 ? ordinary.indexOf(false) : null;
}

export class ValuesJudge implements Judge {
  readonly #squares = new Column();
  readonly #errors = new Column();
  readonly #anomalous = new Column();
  readonly #outputs = new Rows();
  readonly #targets = new Rows();
  #kept = true;
  #width = 0;
  /** Of each column of the targets, about the first sample's. */
  #first = new Float64Array(0);
  #sums = new Float64Array(0);
  #sumsOfSquares = new Float64Array(0);

  constructor(
    readonly output: string,
    readonly task: QualityTask,
    private readonly targetsOf: TargetsOf,
    private readonly labels: Samples['labels'] = [],
  ) {}

  add(output: Tensor, batch: JudgedBatch): void {
    const { values: targets, width } = this.targetsOf(batch);
    const numbers = numbersOf(output);
    if (!numbers || numbers.length !== batch.rows * width)
      throw unfit(
        this.output,
        `is ${output.dtype} [${output.dims.join(', ')}], expected ${width} floats for each of ${batch.rows} samples`,
      );
    if (this.#width === 0) {
      this.#width = width;
      this.#first = Float64Array.from({ length: width }, (_, i) => targets[i]!);
      [this.#sums, this.#sumsOfSquares] = [new Float64Array(width), new Float64Array(width)];
    }
    const anomalous = anomalousLabel(this.labels);
    for (let row = 0; row < batch.used; row++) {
      let [squares, errors] = [0, 0];
      for (let i = 0; i < width; i++) {
        const target = targets[row * width + i]!;
        const difference = numbers[row * width + i]! - target;
        squares += difference * difference;
        errors += Math.abs(difference);
        const shifted = target - this.#first[i]!;
        this.#sums[i]! += shifted;
        this.#sumsOfSquares[i]! += shifted * shifted;
      }
      if (Number.isNaN(squares)) throw unfit(this.output, `is NaN for sample ${batch.from + row}`);
      this.#squares.push(squares / width);
      this.#errors.push(errors / width);
      this.#anomalous.push(batch.samples.y[batch.from + row] === anomalous ? 1 : 0);
    }
    this.#keep(Float32Array.from(numbers.subarray(0, batch.used * width)), Float32Array.from(targets));
  }

  #keep(outputs: Float32Array, targets: Float32Array): void {
    this.#kept &&= this.#outputs.length + outputs.length <= MOST_KEPT;
    if (this.#kept) {
      this.#outputs.push(outputs);
      this.#targets.push(targets);
    } else {
      this.#outputs.clear();
      this.#targets.clear();
    }
  }

  finish(): Judged {
    const [squares, errors] = [this.#squares.values, this.#errors.values];
    const samples = squares.length;
    const root = (weights: Uint32Array): number => Math.sqrt(weightedMean(squares, weights));
    const every = new Uint32Array(samples).fill(1);
    const quality = [
      ...figure(this, 'rmse', root(every), { samples, interval: bootstrap(samples, root), baseline: this.#spread() }),
      ...figure(this, 'mae', weightedMean(errors, every), { samples, interval: normal(errors), baseline: null }),
      ...this.#determination(samples),
    ];
    return { quality: [...quality, ...this.#detection()], notes: this.#notes() };
  }

  /** The error of the best constant answer: the deviation of the targets. */
  #spread(): number {
    const n = this.#squares.values.length;
    let sum = 0;
    for (let i = 0; i < this.#width; i++) sum += Math.max(0, this.#sumsOfSquares[i]! - this.#sums[i]! ** 2 / n) / n;
    return Math.sqrt(sum / this.#width);
  }

  #determination(samples: number): Quality[] {
    if (!this.#kept) return [];
    const [outputs, targets, width] = [this.#outputs.all, this.#targets.all, this.#width];
    const { r2 } = measureOutputs({ samples, outputs, shape: [width], targets }, { kind: 'mse' }, ['r2']);
    const drawn = (weights: Uint32Array): number => weightedR2(outputs, targets, width, weights);
    const interval = outputs.length <= MOST_RESAMPLED ? bootstrap(samples, drawn, outputs.length) : null;
    return figure(this, 'r2', r2, { samples, interval, baseline: 0 });
  }

  /** How well the error tells what is anomalous from what is normal, where labels say so. */
  #detection(): Quality[] {
    if (this.task !== 'reconstruction' || anomalousLabel(this.labels) === null) return [];
    const [scores, truth] = [this.#squares.values, this.#anomalous.values];
    const [value, samples] = [rocAuc(scores, (i) => truth[i] === 1), scores.length];
    const interval = bootstrap(samples, weightedAuc(scores, truth));
    return figure({ output: this.output, task: 'anomaly' }, 'auc', value, { samples, interval, baseline: 0.5 });
  }

  #notes(): string[] {
    const anomalous = this.task === 'reconstruction' ? anomalousLabel(this.labels) : null;
    return [
      ...(this.task === 'reconstruction' ? [`output '${this.output}' is compared with the samples themselves`] : []),
      ...(anomalous === null ? [] : [`samples of '${this.labels[anomalous]!}' are the anomalous ones`]),
      ...(this.#kept ? [] : [`r2 of output '${this.output}' is not measured: more than ${MOST_KEPT} elements`]),
    ];
  }
}

/** As `rSquared`, of samples that count as often as they are weighed. */
function weightedR2(outputs: Float32Array, targets: Float32Array, width: number, weights: Uint32Array): number {
  const n = weights.reduce((a, b) => a + b, 0);
  let total = 0;
  for (let column = 0; column < width; column++) {
    let mean = 0;
    for (let row = 0; row < weights.length; row++) mean += (weights[row]! * targets[row * width + column]!) / n;
    let [residual, spread] = [0, 0];
    for (let row = 0; row < weights.length; row++) {
      const [at, weight] = [row * width + column, weights[row]!];
      residual += weight * (outputs[at]! - targets[at]!) ** 2;
      spread += weight * (targets[at]! - mean) ** 2;
    }
    total += spread > 0 ? 1 - residual / spread : residual === 0 ? 1 : 0;
  }
  return total / width;
}
