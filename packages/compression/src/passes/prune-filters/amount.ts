/** Which classes of channels stay so that a wanted amount of the network goes. */
import { removalOf, withoutChannels, type Dependencies } from '../../graph/dependencies.js';
import type { Space } from '../../graph/spaces.js';
import { figuresOf } from '../../measure/figures.js';
import { CompressionError } from '../../errors.js';
import { selectChannels } from './select.js';

export interface Ranked {
  readonly dependencies: Dependencies;
  readonly spaces: readonly Space[];
  /** By `keysOf`. */
  readonly keys: readonly string[];
  readonly scores: readonly Float64Array[];
  readonly scope: 'layer' | 'global';
  /** Kept counts of each space are multiples of this. */
  readonly steps: readonly number[];
}

/** The nodes that compute a space's channels. */
export const nameOf = (space: Space): string => [...new Set(space.producers.map((p) => p.node))].join(' + ');

/** What identifies each space while the network shrinks: its nodes, and its place among those of the same nodes. */
export function keysOf(spaces: readonly Space[]): string[] {
  const seen = new Map<string, number>();
  return spaces.map((space) => {
    const name = nameOf(space);
    const place = (seen.get(name) ?? 0) + 1;
    seen.set(name, place);
    return place === 1 ? name : `${name} (${place})`;
  });
}

const channels = (spaces: readonly Space[]): number => spaces.reduce((sum, { classes }) => sum + classes.length, 0);

/**
 * @param share of the classes that each space, or with scope 'global' all spaces together, had at first which are gone afterwards
 * @param first how many classes each space had at first, by key
 */
export function keptByShare(
  { spaces, keys, scores, scope, steps }: Ranked,
  share: number,
  first: ReadonlyMap<string, number>,
): Int32Array[] {
  const had = spaces.map((space, s) => first.get(keys[s] as string) ?? space.classes.length);
  const rest = (now: number, before: number): number => Math.max(0, 1 - (before * (1 - share)) / now);
  const ratio =
    scope === 'global'
      ? rest(
          channels(spaces),
          had.reduce((sum, n) => sum + n, 0),
        )
      : spaces.map((space, s) => rest(space.classes.length, had[s] as number));
  return selectChannels(scores, { ratio, scope, steps });
}

/** How often the interval is halved in which the amount is searched: to a thousandth. */
const HALVINGS = 10;

/**
 * The least removal that leaves no more than so many multiply-accumulates.
 * @param most multiply-accumulates of one sample
 * @param samples shapes of one sample, by input, for sizes that the file leaves open
 * @throws CompressionError `unsuitable-model` where even the largest removal leaves more, or the work cannot be counted
 */
export function keptByMacs(
  ranked: Ranked,
  most: number,
  samples: Readonly<Record<string, readonly number[]>>,
): Int32Array[] {
  const { dependencies, spaces, scores, scope, steps } = ranked;
  const at = (ratio: number): Int32Array[] => selectChannels(scores, { ratio, scope, steps });
  const macsOf = (keep: readonly Int32Array[]): number => {
    const { macs } = figuresOf(withoutChannels(dependencies, removalOf(dependencies, spaces, keep)), { samples });
    if (macs === null)
      throw new CompressionError(
        'unsuitable-model',
        'the multiply-accumulates of the model are not known: expected `ratio`',
      );
    return macs;
  };
  let [low, high] = [0, 1 - 2 ** -20];
  const least = at(high);
  const left = macsOf(least);
  if (left > most)
    throw new CompressionError(
      'unsuitable-model',
      `with every filter gone that can go ${left} multiply-accumulates are left; expected at most ${Math.floor(most)}`,
    );
  let best = least;
  for (let k = 0; k < HALVINGS; k++) {
    const middle = (low + high) / 2;
    const keep = at(middle);
    if (macsOf(keep) <= most) [high, best] = [middle, keep];
    else low = middle;
  }
  return best;
}
