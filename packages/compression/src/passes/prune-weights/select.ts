/** Which weights stay, and how many in each round. */
import type { PruningSchedule } from '@verge/contracts';

/**
 * The share that is 0 after each round. `iterative` leaves the same share of what is left each time; `gradual` is the cubic curve of
 * Zhu and Gupta 2017 (arXiv:1710.01878), equation 1, from nothing.
 */
export function sharesOf(ratio: number, schedule: PruningSchedule): number[] {
  if (schedule.by === 'one-shot') return [ratio];
  const { by, rounds } = schedule;
  return Array.from({ length: rounds }, (_, i) => {
    const t = (i + 1) / rounds;
    return by === 'iterative' ? 1 - (1 - ratio) ** t : ratio * (1 - (1 - t) ** 3);
  });
}

/** 1 for each of the `count` largest scores, 0 for the others; of equal scores the first stay. */
export function keepLargest(scores: Float64Array, count: number): Uint8Array {
  const mask = new Uint8Array(scores.length);
  if (count <= 0) return mask;
  if (count >= scores.length) return mask.fill(1);
  const limit = scores.slice().sort()[scores.length - count] as number;
  let left = count;
  scores.forEach((score, i) => {
    if (score > limit) left -= mask[i] = 1;
  });
  for (let i = 0; left > 0; i++) if (scores[i] === limit) left -= mask[i] = 1;
  return mask;
}

/**
 * Scores that layers can be ranked by together: w^2 over the sum of the squares that are not smaller, so that the last weight of a layer
 * scores 1 (Lee et al. 2021, arXiv:2010.07611). Plain sizes would empty the layers whose numbers are small.
 */
export function layerAdaptive(sizes: Float64Array): Float64Array {
  const sorted = sizes.slice().sort();
  const tails = new Float64Array(sorted.length + 1);
  for (let i = sorted.length - 1; i >= 0; i--) tails[i] = (tails[i + 1] as number) + (sorted[i] as number) ** 2;
  const first = (size: number): number => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] as number) < size) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return sizes.map((size) => (size === 0 ? 0 : size ** 2 / (tails[first(size)] as number)));
}

/** Rounding up first removes what binary fractions add: 10 * (1 - 0.7) is a little more than 3. */
const stay = (count: number, share: number): number => Math.max(1, Math.ceil(count * (1 - share) - 1e-9));

/** In each layer the same share goes. */
export const withinLayers = (scores: readonly Float64Array[], shares: readonly number[]): Uint8Array[] =>
  scores.map((s, i) => keepLargest(s, stay(s.length, shares[i] as number)));

/** The weights of all layers compete; the best of each layer stays in any case. */
export function acrossLayers(scores: readonly Float64Array[], share: number): Uint8Array[] {
  const all = new Float64Array(scores.reduce((sum, s) => sum + s.length, 0));
  let at = 0;
  for (const s of scores) {
    all.set(s, at);
    at += s.length;
  }
  const kept = keepLargest(all, stay(all.length, share));
  at = 0;
  return scores.map((s) => {
    const own = kept.subarray(at, (at += s.length));
    return own.includes(1) ? own : keepLargest(s, 1);
  });
}
