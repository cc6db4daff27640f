/** The order in which an epoch reads its samples: a pure function of the seed and the epoch. */
import { Random } from '../random.js';

/** Runs whose samples are mixed with each other when a source is read by blocks. */
export const WINDOW_BLOCKS = 16;

/**
 * An order for sources that are cheap to read in runs: runs of `block` samples are shuffled, then the samples of every
 * `WINDOW_BLOCKS` runs in that order are shuffled among themselves. Neighbours of the file meet more often than in a full
 * shuffle; a reader that keeps one window in memory reads every run once.
 */
export function blockOrder(count: number, block: number, random: Random): Int32Array {
  const order = new Int32Array(count);
  let filled = 0;
  for (const run of random.permutation(Math.ceil(count / block))) {
    for (let i = run * block; i < Math.min(count, (run + 1) * block); i++) order[filled++] = i;
  }
  const window = block * WINDOW_BLOCKS;
  for (let from = 0; from < count; from += window) {
    const part = order.slice(from, from + window);
    random.permutation(part.length).forEach((place, i) => (order[from + i] = part[place]!));
  }
  return order;
}

/** @param block see `SampleSource.block` */
export function epochOrder(seed: number, epoch: number, count: number, block?: number): Int32Array {
  const random = new Random(seed, 'shuffle', epoch);
  return block === undefined || block >= count ? random.permutation(count) : blockOrder(count, block, random);
}
