/** The metrics by name: for which tasks, which way is better, and how they are computed. */
import { MetricName } from '@verge/contracts';
import type { LossSpec } from '../losses.js';
import { classLayout, extentOf, taskOf, type ClassLayout, type TaskKind } from '../loop/task.js';
import {
  accuracyOf,
  confusionMatrix,
  countsOf,
  exactMatch,
  labelCounts,
  macroF1,
  meanIoU,
  microF1,
  topK,
  type Confusion,
  type Counts,
} from './classification.js';
import { classAuc, labelAuc } from './ranking.js';
import { meanAbsoluteError, rootMeanSquareError, rSquared } from './regression.js';
import { labelErrorRate } from './sequence.js';

/** Outputs of a network over a set, and what they should have been. */
export interface Evaluation {
  readonly samples: number;
  /** [samples, ...shape]: logits where classes or labels are predicted. */
  readonly outputs: Float32Array;
  /** Shape of one output. */
  readonly shape: readonly number[];
  /** Class indices: one for each sample, or for each position, or a sequence for each sample. */
  readonly labels?: Int32Array;
  /** Numbers of the outputs' shape. */
  readonly targets?: Float32Array;
}

/** The rows of an evaluation as one class of several each: positions are rows of their own. */
export interface ClassRows {
  /** [rows, classes]. */
  readonly logits: Float32Array;
  readonly labels: Int32Array;
  readonly classes: number;
  readonly confusion: Confusion;
}

/** Brings the classes of each position together. */
function rowsOf(outputs: Float32Array, layout: ClassLayout): Float32Array {
  const { classes, positions } = extentOf(layout);
  if (layout.axis === 'last' || positions === 1) return outputs;
  const rows = new Float32Array(outputs.length);
  const size = classes * positions;
  for (let from = 0; from < outputs.length; from += size) {
    for (let p = 0; p < positions; p++) {
      for (let c = 0; c < classes; c++) rows[from + p * classes + c] = outputs[from + c * positions + p]!;
    }
  }
  return rows;
}

export function classRows(evaluation: Evaluation, loss: LossSpec): ClassRows | undefined {
  const { outputs, labels } = evaluation;
  if (!labels || taskOf(loss) !== 'classes') return undefined;
  const layout = classLayout(loss, evaluation.shape);
  const { classes } = extentOf(layout);
  let [logits, kept] = [rowsOf(outputs, layout), labels];
  if (kept.length * classes !== logits.length) return undefined;
  if (layout.ignore !== undefined) {
    const places = [...kept.keys()].filter((i) => kept[i] !== layout.ignore);
    if (places.length < kept.length) {
      const all = logits;
      logits = new Float32Array(places.length * classes);
      places.forEach((from, to) => logits.set(all.subarray(from * classes, (from + 1) * classes), to * classes));
      kept = Int32Array.from(places, (i) => labels[i]!);
    }
  }
  const predicted = Int32Array.from({ length: kept.length }, (_, i) => {
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[i * classes + c]! > logits[i * classes + best]!) best = c;
    return best;
  });
  return { logits, labels: kept, classes, confusion: confusionMatrix(predicted, kept, classes) };
}

/** What a metric reads, prepared once for all of them. */
interface Subject extends Evaluation {
  readonly loss: LossSpec;
  readonly rows?: ClassRows;
  readonly width: number;
  /** Of classes, or of independent labels. */
  readonly counts: readonly Counts[];
}

export const metricNames = MetricName.options;
export type { MetricName };

interface MetricRow {
  readonly better: 'higher' | 'lower';
  readonly tasks: readonly TaskKind[];
  /** undefined where the figure does not exist, as the area under a curve of one class. */
  readonly of: (subject: Subject) => number | undefined;
}

const both: readonly TaskKind[] = ['classes', 'multi-label'];

const top =
  (k: number) =>
  ({ rows }: Subject): number | undefined =>
    rows && topK(rows.logits, rows.labels, rows.classes, k);

export const metricTable: Readonly<Record<MetricName, MetricRow>> = {
  accuracy: {
    better: 'higher',
    tasks: both,
    of: ({ rows, outputs, targets, width }) =>
      rows ? accuracyOf(rows.confusion) : targets && exactMatch(outputs, targets, width),
  },
  top3: { better: 'higher', tasks: ['classes'], of: top(3) },
  top5: { better: 'higher', tasks: ['classes'], of: top(5) },
  macroF1: { better: 'higher', tasks: both, of: ({ counts }) => macroF1(counts) },
  microF1: { better: 'higher', tasks: both, of: ({ counts }) => microF1(counts) },
  mIoU: { better: 'higher', tasks: both, of: ({ counts }) => meanIoU(counts) },
  auc: {
    better: 'higher',
    tasks: both,
    of: ({ rows, outputs, targets, width }) =>
      rows ? classAuc(rows.logits, rows.labels, rows.classes) : targets && labelAuc(outputs, targets, width),
  },
  mae: {
    better: 'lower',
    tasks: ['values'],
    of: ({ outputs, targets }) => targets && meanAbsoluteError(outputs, targets),
  },
  rmse: {
    better: 'lower',
    tasks: ['values'],
    of: ({ outputs, targets }) => targets && rootMeanSquareError(outputs, targets),
  },
  r2: {
    better: 'higher',
    tasks: ['values'],
    of: ({ outputs, targets, width }) => targets && rSquared(outputs, targets, width),
  },
  labelErrorRate: {
    better: 'lower',
    tasks: ['sequences'],
    of: ({ outputs, labels, samples, shape, loss }) => {
      const blank = loss.kind === 'ctc' ? (loss.blank ?? 0) : 0;
      return labels && labelErrorRate(outputs, labels, { samples, classes: shape.at(-1)!, blank });
    },
  },
};

/** Metrics that a run reports unless it is told which. */
const usual: Readonly<Record<TaskKind, readonly MetricName[]>> = {
  classes: ['accuracy', 'macroF1'],
  'multi-label': ['accuracy', 'microF1', 'macroF1'],
  values: ['mae', 'rmse', 'r2'],
  sequences: ['labelErrorRate'],
  embedding: [],
  none: [],
};

export const usualMetrics = (loss: LossSpec): readonly MetricName[] => usual[taskOf(loss)];

function subjectOf(evaluation: Evaluation, loss: LossSpec): Subject {
  const rows = classRows(evaluation, loss);
  const { outputs, targets, samples } = evaluation;
  const width = outputs.length / samples;
  const independent = taskOf(loss) === 'multi-label' && targets;
  const counts = rows ? countsOf(rows.confusion) : independent ? labelCounts(outputs, targets, width) : [];
  return { ...evaluation, loss, rows, width, counts };
}

/** The named figures of an evaluation; those that do not exist for it are left out. */
export function measureOutputs(
  evaluation: Evaluation,
  loss: LossSpec,
  names: readonly MetricName[] = usualMetrics(loss),
): Record<string, number> {
  const subject = subjectOf(evaluation, loss);
  const task = taskOf(loss);
  const found: Record<string, number> = {};
  for (const name of names) {
    const { tasks, of } = metricTable[name];
    const value = tasks.includes(task) ? of(subject) : undefined;
    if (value !== undefined) found[name] = value;
  }
  return found;
}
