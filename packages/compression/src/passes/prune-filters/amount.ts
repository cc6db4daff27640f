/** Which classes of channels stay so that a wanted amount of the network goes. */
import { removalOf, withoutChannels, type Dependencies } from '../../graph/dependencies.js';
import type { Space } from '../../graph/spaces.js';
import type { Model } from '@verge/onnx';
import { selectChannels } from './select.js';
import { type Curve, sharesAt } from './allocation.js';

export interface Ranked {
  readonly dependencies: Dependencies;
  readonly spaces: readonly Space[];
  /** By `keysOf`. */
  readonly keys: readonly string[];
  readonly scores: readonly Float64Array[];
  readonly scope: 'layer' | 'global' | 'sensitivity';
  /** Kept counts of each space are multiples of this. */
  readonly steps: readonly number[];
  /** Of each space, what removals were measured to cost; with scope 'sensitivity'. */
  readonly curves?: readonly Curve[];
  /** The share that goes of a space which does not compete with others. */
  readonly own: readonly (number | null)[];
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

/**
 * The classes that stay.
 * @param share of the classes that goes: of all that compete, or of each space
 */
function kept({ scores, scope, steps, curves, own }: Ranked, share: number | readonly number[]): Int32Array[] {
  const free = scores.map((_, s) => s).filter((s) => own[s] === null);
  const of = <T>(list: readonly T[]): T[] => free.map((s) => list[s] as T);
  const spread = scope === 'sensitivity' && curves && typeof share === 'number' ? sharesAt(of(curves), share) : null;
  const ratio = spread ?? (typeof share === 'number' ? share : of(share));
  const how = { ratio, scope: scope === 'global' ? scope : ('layer' as const), steps: of(steps) };
  const chosen = selectChannels(of(scores), how);
  return scores.map((score, s) => {
    const alone = own[s];
    if (typeof alone !== 'number') return chosen[free.indexOf(s)] as Int32Array;
    return selectChannels([score], { ratio: alone, scope: 'layer', steps: [steps[s] as number] })[0] as Int32Array;
  });
}

const channels = (spaces: readonly Space[]): number => spaces.reduce((sum, { classes }) => sum + classes.length, 0);

/** What share of `now` goes so that only a share of `before` is left. */
export const restOf = (now: number, before: number, share: number): number =>
  Math.max(0, 1 - (before * (1 - share)) / now);

/**
 * @param share of the classes that each space, or where they compete all spaces together, had at first which are gone afterwards
 * @param first how many classes each space had at first, by key
 */
export function keptByShare(ranked: Ranked, share: number, first: ReadonlyMap<string, number>): Int32Array[] {
  const { spaces, keys, own, scope } = ranked;
  const had = spaces.map((space, s) => first.get(keys[s] as string) ?? space.classes.length);
  if (scope === 'layer')
    return kept(
      ranked,
      spaces.map((space, s) => restOf(space.classes.length, had[s] as number, share)),
    );
  const competing = spaces.map((_, s) => s).filter((s) => own[s] === null);
  const before = competing.reduce((sum, s) => sum + (had[s] as number), 0);
  return kept(ranked, restOf(channels(competing.map((s) => spaces[s] as Space)), before, share));
}

export interface Fitting {
  readonly keep: Int32Array[];
  /** What is left then, as `left` has it; more than was asked for where even the largest removal leaves more. */
  readonly left: number;
}

/** The largest share that is tried: less than all, so that a block of each layer stays. */
const ALMOST_ALL = 1 - 2 ** -20;

/**
 * The least removal that leaves no more than so much, or the largest there is.
 * @param left what a model costs
 * @param halvings how often the interval is halved in which the share is searched
 */
export async function leastRemoval(
  ranked: Ranked,
  most: number,
  left: (model: Model) => number | Promise<number>,
  halvings: number,
): Promise<Fitting> {
  const { dependencies, spaces } = ranked;
  const known = new Map<string, number>();
  const costOf = async (keep: Int32Array[]): Promise<Fitting> => {
    const counts = keep.map((k) => k.length).join();
    let cost = known.get(counts);
    if (cost === undefined) {
      cost = await left(withoutChannels(dependencies, removalOf(dependencies, spaces, keep)));
      known.set(counts, cost);
    }
    return { keep, left: cost };
  };
  const at = (share: number): Promise<Fitting> => costOf(kept(ranked, share));
  let best = await at(ALMOST_ALL);
  if (best.left > most) return best;
  let [low, high] = [0, ALMOST_ALL];
  let more: readonly Int32Array[] | null = null;
  for (let k = 0; k < halvings; k++) {
    const middle = (low + high) / 2;
    const one = await at(middle);
    if (one.left <= most) [high, best] = [middle, one];
    else [low, more] = [middle, one.keep];
  }
  // Layers of like widths lose their next block at the same share: some of these blocks stay where what is left fits all the same.
  for (const [s, larger] of (more ?? []).entries()) {
    if (larger.length <= (best.keep[s] as Int32Array).length) continue;
    const one = await costOf(best.keep.with(s, larger));
    if (one.left <= most) best = one;
  }
  return best;
}
