/** Which elements of the flat parameter vector each replica updates. */
import type { Layout } from '../parameters.js';
import type { Range } from '../split-step.js';

/**
 * Cuts [0, size) into `parts` ranges of nearly the same length; some are empty when there is too little to go round.
 * @param whole keeps every parameter in one range, for optimisers whose step looks at whole tensors
 */
export function shardRanges(layout: Layout, parts: number, whole: boolean): readonly Range[] {
  const ideal = Array.from({ length: parts + 1 }, (_, i) => Math.floor((layout.size * i) / parts));
  const ends = [0, ...layout.entries.map((e) => e.offset + e.size)];
  const nearest = (at: number): number => ends.reduce((a, b) => (Math.abs(b - at) < Math.abs(a - at) ? b : a));
  const cuts = whole ? ideal.map(nearest) : ideal;
  return Array.from({ length: parts }, (_, i) => ({ from: cuts[i]!, to: cuts[i + 1]! }));
}
