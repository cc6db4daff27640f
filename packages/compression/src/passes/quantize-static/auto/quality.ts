/** Which nodes have to stay in float32 for the outputs to stay near enough to the source's. */
import { studySensitivity, type SensitivityOptions, type Treated } from '../../../study/sensitivity.js';
import type { Kept } from './mixtures.js';
import type { Variants } from './variants.js';

export interface QualityPlan {
  readonly keep: Kept;
  /** By place, what int8 in this unit alone does to the outputs. */
  readonly divergences: ReadonlyMap<number, number>;
}

/** Every unit in int8 by itself, all else in float32. */
export function eachAlone(variants: Variants): Treated[] {
  const { places } = variants;
  return places.map((place) => ({
    unit: String(place),
    make: () => variants.with(new Set(places.filter((other) => other !== place))),
  }));
}

/**
 * Units join those in float32 in the order of what int8 in each alone does to the outputs, until what all the others do together is no
 * more than allowed: the fewest by bisection.
 * @param keep units in float32 already
 * @param allowed divergence of a quickly made plan
 */
export async function nearEnough(
  variants: Variants,
  keep: Kept,
  allowed: number,
  options: SensitivityOptions,
): Promise<QualityPlan> {
  const alone = await studySensitivity(variants.source, eachAlone(variants), variants.samples, options);
  const divergences = new Map(alone.map(({ unit, divergence }) => [Number(unit), divergence]));
  const order = [...alone]
    .sort((a, b) => b.rank - a.rank)
    .map(({ unit }) => Number(unit))
    .filter((place) => !keep.has(place));
  const withMore = (count: number): Kept => new Set([...keep, ...order.slice(0, count)]);
  const quiet = { ...options, onProgress: undefined };
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const treated = [{ unit: 'all', make: () => variants.with(withMore(middle)) }];
    const [found] = await studySensitivity(variants.source, treated, variants.samples, quiet);
    if (found!.divergence <= allowed) high = middle;
    else low = middle + 1;
  }
  return { keep: withMore(low), divergences };
}
