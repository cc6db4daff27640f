/** Area under the receiver operating characteristic, by ranks. */

/**
 * Probability that a positive scores above a negative, equal scores counting half: the Mann-Whitney statistic
 * (Hanley and McNeil, Radiology 143(1), 1982).
 * @returns undefined when there are only positives or only negatives
 */
export function rocAuc(scores: ArrayLike<number>, positive: (index: number) => boolean): number | undefined {
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let [positives, rankSum] = [0, 0];
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && scores[order[to]!] === scores[order[from]!]) to++;
    // Equal scores share the mean of their ranks, which count from 1.
    const rank = (from + to + 1) / 2;
    for (let i = from; i < to; i++) {
      if (!positive(order[i]!)) continue;
      positives++;
      rankSum += rank;
    }
  }
  const negatives = order.length - positives;
  if (positives === 0 || negatives === 0) return undefined;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

const mean = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;

/** Softmax of each row in double precision; classes are ranked across samples, for which logits are no measure. */
function probabilities(logits: Float32Array, classes: number): Float64Array {
  const out = new Float64Array(logits.length);
  for (let from = 0; from < logits.length; from += classes) {
    let peak = -Infinity;
    for (let c = 0; c < classes; c++) peak = Math.max(peak, logits[from + c]!);
    let total = 0;
    for (let c = 0; c < classes; c++) total += out[from + c] = Math.exp(logits[from + c]! - peak);
    for (let c = 0; c < classes; c++) out[from + c]! /= total;
  }
  return out;
}

/**
 * Two classes: the area for the second one. More: each class against the rest, the mean over the classes that have both.
 * @param logits [rows, classes]
 * @returns undefined when the labels hold one class only
 */
export function classAuc(logits: Float32Array, labels: ArrayLike<number>, classes: number): number | undefined {
  const p = probabilities(logits, classes);
  const area = (c: number): number | undefined =>
    rocAuc(
      Float64Array.from({ length: labels.length }, (_, i) => p[i * classes + c]!),
      (i) => labels[i] === c,
    );
  if (classes === 2) return area(1);
  return mean(Array.from({ length: classes }, (_, c) => area(c)).filter((a) => a !== undefined));
}

/**
 * Independent labels: the mean over those that have both.
 * @param logits [samples, labels]
 */
export function labelAuc(logits: Float32Array, targets: Float32Array, labels: number): number | undefined {
  const samples = logits.length / labels;
  const area = (l: number): number | undefined =>
    rocAuc(
      Float64Array.from({ length: samples }, (_, i) => logits[i * labels + l]!),
      (i) => targets[i * labels + l]! > 0.5,
    );
  return mean(Array.from({ length: labels }, (_, l) => area(l)).filter((a) => a !== undefined));
}
