/** Figures of label sequences. */

/** Fewest insertions, deletions and replacements that turn one sequence into the other (Levenshtein 1966). */
export function editDistance(a: readonly number[], b: readonly number[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  a.forEach((label, i) => {
    const next = [i + 1];
    b.forEach((other, j) => next.push(Math.min(row[j]! + (label === other ? 0 : 1), row[j + 1]! + 1, next[j]! + 1)));
    row = next;
  });
  return row[b.length]!;
}

/**
 * The best path of connectionist temporal classification: the largest logit of each time, repetitions merged, blanks left
 * out (Graves et al. 2006, section 3.2).
 * @param logits one sample's [time, classes]
 */
export function bestPath(logits: Float32Array, classes: number, blank: number): number[] {
  const labels: number[] = [];
  let last = blank;
  for (let from = 0; from < logits.length; from += classes) {
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[from + c]! > logits[from + best]!) best = c;
    if (best !== blank && best !== last) labels.push(best);
    last = best;
  }
  return labels;
}

/**
 * Edit distances between the best paths and the labels, as a share of the labels.
 * @param logits [samples, time, classes]
 * @param labels [samples, n], filled up with -1
 */
export function labelErrorRate(
  logits: Float32Array,
  labels: Int32Array,
  { samples, classes, blank }: { samples: number; classes: number; blank: number },
): number {
  const [size, n] = [logits.length / samples, labels.length / samples];
  let [errors, total] = [0, 0];
  for (let i = 0; i < samples; i++) {
    const wanted = [...labels.subarray(i * n, (i + 1) * n)].filter((label) => label >= 0);
    errors += editDistance(bestPath(logits.subarray(i * size, (i + 1) * size), classes, blank), wanted);
    total += wanted.length;
  }
  return total === 0 ? 0 : errors / total;
}
