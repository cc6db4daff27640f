/** Figures of predicted classes, from the confusion matrix. */

/** Row i, column j: samples of class i that were taken for class j. */
export type Confusion = readonly (readonly number[])[];

/**
 * @param predicted class of each sample
 * @param labels its true class; others than 0 to classes - 1 are left out
 */
export function confusionMatrix(predicted: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < labels.length; i++) {
    const row = matrix[labels[i]!];
    if (row) row[predicted[i]!]!++;
  }
  return matrix;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
/** 0 where nothing was counted. */
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** Share of the samples on the diagonal. */
export function accuracyOf(confusion: Confusion): number {
  return ratio(sum(confusion.map((row, i) => row[i]!)), sum(confusion.map(sum)));
}

/** What was counted of one class or label. */
export interface Counts {
  readonly hits: number;
  readonly missed: number;
  readonly false: number;
}

export function countsOf(confusion: Confusion): Counts[] {
  return confusion.map((row, i) => {
    const hits = row[i]!;
    return { hits, missed: sum(row) - hits, false: sum(confusion.map((other) => other[i]!)) - hits };
  });
}

/** 2 * hits / (2 * hits + missed + false), the harmonic mean of precision and recall. */
const f1 = ({ hits, missed, false: wrong }: Counts): number => ratio(2 * hits, 2 * hits + missed + wrong);

/** Mean F1 of the classes that occur among the labels or the predictions. */
export function macroF1(counts: readonly Counts[]): number {
  const seen = counts.filter((c) => c.hits + c.missed + c.false > 0);
  return ratio(sum(seen.map(f1)), seen.length);
}

/** F1 of all classes' counts together; with one class a sample it is the accuracy. */
export function microF1(counts: readonly Counts[]): number {
  const total = (of: (c: Counts) => number): number => sum(counts.map(of));
  return f1({ hits: total((c) => c.hits), missed: total((c) => c.missed), false: total((c) => c.false) });
}

/** Mean intersection over union of the classes that occur among the labels or the predictions (Everingham et al., VOC). */
export function meanIoU(counts: readonly Counts[]): number {
  const seen = counts.filter((c) => c.hits + c.missed + c.false > 0);
  return ratio(sum(seen.map((c) => c.hits / (c.hits + c.missed + c.false))), seen.length);
}

/**
 * Counts of labels that are there or not, independently of each other: one is taken to be there when its logit is above 0,
 * a probability above 1/2.
 * @param logits [samples, labels]
 * @param targets 0 or 1 of the same shape
 */
export function labelCounts(logits: Float32Array, targets: Float32Array, labels: number): Counts[] {
  const counts = Array.from({ length: labels }, () => ({ hits: 0, missed: 0, false: 0 }));
  for (let i = 0; i < logits.length; i++) {
    const count = counts[i % labels]!;
    if (targets[i]! > 0.5) count[logits[i]! > 0 ? 'hits' : 'missed']++;
    else if (logits[i]! > 0) count.false++;
  }
  return counts;
}

/** Share of the samples all of whose labels are right. */
export function exactMatch(logits: Float32Array, targets: Float32Array, labels: number): number {
  let right = 0;
  for (let from = 0; from < logits.length; from += labels) {
    let i = 0;
    while (i < labels && logits[from + i]! > 0 === targets[from + i]! > 0.5) i++;
    if (i === labels) right++;
  }
  return ratio(right, logits.length / labels);
}

/**
 * Share of the rows whose label is among the k largest logits; of equal logits the first counts as larger.
 * @param logits [rows, classes]
 * @param labels class of each row; rows with a label outside the classes are left out
 */
export function topK(logits: Float32Array, labels: ArrayLike<number>, classes: number, k: number): number {
  let [right, seen] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label < 0 || label >= classes) continue;
    const own = logits[i * classes + label]!;
    let before = 0;
    for (let c = 0; c < classes; c++) {
      const other = logits[i * classes + c]!;
      if (other > own || (other === own && c < label)) before++;
    }
    seen++;
    if (before < k) right++;
  }
  return ratio(right, seen);
}
