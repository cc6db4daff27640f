/** Which channels stay. */

export interface SelectOptions {
  /** Fraction of channels to remove; with scope 'layer' one for each space where they differ. */
  ratio: number | readonly number[];
  scope: 'layer' | 'global';
  /** For each space, what its kept counts are rounded up to a multiple of; kernels work on blocks. 1 when absent. */
  steps?: readonly number[];
}

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Indices of the `count` largest scores, in ascending order; equal scores keep the lower index. */
export function largestIndices(scores: Float64Array, count: number): Int32Array {
  const order = Array.from(scores, (_, i) => i).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  return Int32Array.from(order.slice(0, count)).sort();
}

/**
 * With scope 'layer' each space loses the same fraction. With 'global' the channels of all spaces compete; scores are first
 * divided by their space's Euclidean norm (Molchanov et al. 2017, arXiv:1611.06440, section 2.2), since gradients of different
 * layers have different sizes.
 * @param scores one score a channel for each space
 * @returns the channels that each space keeps, ascending; never none
 */
export function selectChannels(scores: readonly Float64Array[], options: SelectOptions): Int32Array[] {
  const { ratio, scope, steps } = options;
  const ratioOf = (space: number): number => (typeof ratio === 'number' ? ratio : (ratio[space] as number));
  const kept = scope === 'layer' ? scores.map((s, i) => s.length * (1 - ratioOf(i))) : globalCounts(scores, ratioOf(0));
  return scores.map((s, i) => {
    // Rounding up first removes what binary fractions add: 16 * (1 - 0.5) is 8, 10 * (1 - 0.7) a little more than 3.
    const count = Math.min(s.length, roundUp(Math.max(1, Math.ceil((kept[i] as number) - 1e-9)), steps?.[i] ?? 1));
    return largestIndices(s, count);
  });
}

function globalCounts(scores: readonly Float64Array[], ratio: number): number[] {
  const normal = scores.map((s) => {
    const norm = Math.sqrt(s.reduce((sum, v) => sum + v * v, 0)) || 1;
    return s.map((v) => v / norm);
  });
  const ranked = normal
    .flatMap((s, space) => Array.from(s, (value) => ({ value, space })))
    .sort((a, b) => a.value - b.value || a.space - b.space);
  const counts = scores.map((s) => s.length);
  for (const { space } of ranked.slice(0, Math.floor(ranked.length * ratio)))
    counts[space] = (counts[space] as number) - 1;
  return counts;
}
