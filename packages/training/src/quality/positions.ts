/** Truths that are more than one class for each sample: a class for each position, several labels, a sequence of labels. */
import type { QualityTask } from '@verge/contracts';
import type { Tensor } from '@verge/onnx';
import { exactMatch, macroF1, meanIoU, type Counts } from '../metrics/classification.js';
import { labelAuc } from '../metrics/ranking.js';
import { bestPath, editDistance } from '../metrics/sequence.js';
import { bootstrap, weightedMean, wilson } from './interval.js';
import { Column, figure, type Judge, type Judged, type JudgedBatch, unfit } from './judge.js';
import { type ClassAxis, eachRow, largestAt, numbersOf } from './reads.js';

/** Targets of one row of a batch. */
const targetsAt = ({ samples, from }: JudgedBatch, row: number): ArrayLike<number> => {
  const width = samples.targets!.length / samples.y.length;
  return samples.targets!.subarray((from + row) * width, (from + row + 1) * width);
};

/** A class for each position, -1 for none, against scores of classes or the classes themselves. */
export class PositionJudge implements Judge {
  readonly task: QualityTask = 'segmentation';
  /** Of each sample, each class: hits, missed and false, one behind the other. */
  readonly #counts: Uint32Array[] = [];
  #classes = 0;

  constructor(
    readonly output: string,
    private readonly axisOf: (dims: readonly number[]) => ClassAxis | null,
    private readonly labels: number,
  ) {}

  add(output: Tensor, batch: JudgedBatch): void {
    const axis = this.axisOf(output.dims);
    const predicted = axis
      ? this.#largest(output, axis)
      : Array.from(output.data as ArrayLike<number | bigint>, Number);
    const positions = predicted.length / batch.rows;
    const classes = Math.max(axis?.classes ?? 0, this.labels);
    this.#classes = Math.max(this.#classes, classes);
    for (let row = 0; row < batch.used; row++) {
      const truth = targetsAt(batch, row);
      if (truth.length !== positions)
        throw unfit(this.output, `has ${positions} positions for each sample, the targets ${truth.length}`);
      const counts = new Uint32Array(3 * classes);
      for (let i = 0; i < positions; i++) {
        const [label, said] = [truth[i]!, predicted[row * positions + i]!];
        if (label < 0 || label >= classes) continue;
        if (said === label) counts[3 * label]!++;
        else {
          counts[3 * label + 1]!++;
          if (said >= 0 && said < classes) counts[3 * said + 2]!++;
        }
      }
      this.#counts.push(counts);
    }
  }

  #largest(output: Tensor, axis: ClassAxis): number[] {
    const scores = numbersOf(output);
    if (!scores) throw unfit(this.output, `is ${output.dtype}, expected scores of classes`);
    const found: number[] = [];
    eachRow(scores.length, axis, (from) => {
      const best = largestAt(scores, from, axis);
      if (best < 0) throw unfit(this.output, 'is NaN somewhere');
      found.push(best);
    });
    return found;
  }

  finish(): Judged {
    const samples = this.#counts.length;
    const every = new Uint32Array(samples).fill(1);
    const iou = (weights: Uint32Array): number => meanIoU(this.#weighed(weights));
    const accuracy = (weights: Uint32Array): number => {
      const counts = this.#weighed(weights);
      const [hits, missed] = [counts.reduce((n, c) => n + c.hits, 0), counts.reduce((n, c) => n + c.missed, 0)];
      return hits / (hits + missed);
    };
    const cost = samples * 3 * this.#classes;
    return {
      quality: [
        ...figure(this, 'mIoU', iou(every), {
          ...{ samples, interval: bootstrap(samples, iou, cost) },
          baseline: this.#constant(every),
        }),
        ...figure(this, 'accuracy', accuracy(every), {
          ...{ samples, interval: bootstrap(samples, accuracy, cost), baseline: null },
        }),
      ],
      notes: [],
    };
  }

  #weighed(weights: Uint32Array): Counts[] {
    const all = Array.from({ length: this.#classes }, () => ({ hits: 0, missed: 0, false: 0 }));
    this.#counts.forEach((counts, sample) => {
      const weight = weights[sample]!;
      if (weight === 0) return;
      for (let c = 0; 3 * c < counts.length; c++) {
        all[c]!.hits += weight * counts[3 * c]!;
        all[c]!.missed += weight * counts[3 * c + 1]!;
        all[c]!.false += weight * counts[3 * c + 2]!;
      }
    });
    return all;
  }

  /** Mean IoU of saying the most frequent class everywhere. */
  #constant(weights: Uint32Array): number {
    const truths = this.#weighed(weights).map((c) => c.hits + c.missed);
    const total = truths.reduce((a, b) => a + b, 0);
    return Math.max(...truths) / total / truths.filter((n) => n > 0).length;
  }
}

/** Labels that are there or not, each by itself; scores are logits, or probabilities where all lie within 0 and 1. */
export class LabelsJudge implements Judge {
  readonly task: QualityTask = 'multi-label';
  readonly #scores = new Column();
  readonly #truths = new Column();
  #width = 0;

  constructor(readonly output: string) {}

  add(output: Tensor, batch: JudgedBatch): void {
    const scores = numbersOf(output);
    for (let row = 0; row < batch.used; row++) {
      const truth = targetsAt(batch, row);
      this.#width = truth.length;
      if (scores?.length !== batch.rows * truth.length)
        throw unfit(
          this.output,
          `is ${output.dtype} [${output.dims.join(', ')}], expected ${truth.length} scores a sample`,
        );
      for (let i = 0; i < truth.length; i++) {
        const score = scores[row * truth.length + i]!;
        if (Number.isNaN(score)) throw unfit(this.output, `is NaN for sample ${batch.from + row}`);
        this.#scores.push(score);
        this.#truths.push(truth[i]!);
      }
    }
  }

  finish(): Judged {
    const width = this.#width;
    const [scores, truths] = [this.#scores.values, this.#truths.values];
    const samples = scores.length / width;
    const probabilities = scores.every((v) => v >= 0 && v <= 1);
    const logits = Float32Array.from(scores, (v) => (probabilities ? v - 0.5 : v));
    const targets = Float32Array.from(truths);
    const f1 = (weights: Uint32Array | null): number => macroF1(labelCountsOf(logits, targets, width, weights));
    const exact = exactMatch(logits, targets, width);
    const cost = logits.length;
    const more = { samples, baseline: null };
    return {
      quality: [
        ...figure(this, 'macroF1', f1(null), {
          ...{ samples, interval: bootstrap(samples, f1, cost) },
          baseline: alwaysF1(targets, width),
        }),
        ...figure(this, 'auc', labelAuc(logits, targets, width), { samples, interval: null, baseline: 0.5 }),
        ...figure(this, 'accuracy', exact, { ...more, interval: wilson(Math.round(exact * samples), samples) }),
      ],
      notes: [
        `output '${this.output}': a label is taken to be there above ${probabilities ? 'a probability of 0.5' : 'a logit of 0'}`,
      ],
    };
  }
}

/** As `labelCounts`, of samples that count as often as they are weighed. */
function labelCountsOf(
  logits: Float32Array,
  targets: Float32Array,
  width: number,
  weights: Uint32Array | null,
): Counts[] {
  const counts = Array.from({ length: width }, () => ({ hits: 0, missed: 0, false: 0 }));
  for (let i = 0; i < logits.length; i++) {
    const weight = weights ? weights[Math.floor(i / width)]! : 1;
    const count = counts[i % width]!;
    if (targets[i]! > 0.5) count[logits[i]! > 0 ? 'hits' : 'missed'] += weight;
    else if (logits[i]! > 0) count.false += weight;
  }
  return counts;
}

/** Mean F1 of saying that every label is there. */
function alwaysF1(targets: Float32Array, width: number): number {
  return macroF1(labelCountsOf(new Float32Array(targets.length).fill(1), targets, width, null));
}

/** Sequences of labels without alignment, -1 behind their ends (connectionist temporal classification, blank 0). */
export class SequenceJudge implements Judge {
  readonly task: QualityTask = 'sequence';
  readonly #errors = new Column();
  readonly #lengths = new Column();

  constructor(readonly output: string) {}

  add(output: Tensor, batch: JudgedBatch): void {
    const scores = numbersOf(output);
    const classes = output.dims.at(-1) ?? 0;
    if (!scores || output.dims.length !== 3 || output.dims[0] !== batch.rows)
      throw unfit(
        this.output,
        `is ${output.dtype} [${output.dims.join(', ')}], expected floats [samples, time, classes]`,
      );
    if (scores.some(Number.isNaN)) throw unfit(this.output, 'is NaN somewhere');
    const size = scores.length / batch.rows;
    for (let row = 0; row < batch.used; row++) {
      const wanted = Array.from(targetsAt(batch, row)).filter((label) => label >= 0);
      const path = bestPath(Float32Array.from(scores.subarray(row * size, (row + 1) * size)), classes, 0);
      this.#errors.push(editDistance(path, wanted));
      this.#lengths.push(wanted.length);
    }
  }

  finish(): Judged {
    const [errors, lengths] = [this.#errors.values, this.#lengths.values];
    const samples = errors.length;
    const rate = (weights: Uint32Array): number => weightedMean(errors, weights) / weightedMean(lengths, weights);
    const interval = bootstrap(samples, rate);
    const value = rate(new Uint32Array(samples).fill(1));
    return { quality: figure(this, 'labelErrorRate', value, { samples, interval, baseline: 1 }), notes: [] };
  }
}
