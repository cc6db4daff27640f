/** Groups of channels that something can go from. */
import type { Space } from '../../graph/spaces.js';
import type { PassResult } from '../pass.js';
import { nameOf } from './amount.js';

/** Channels that a space has. */
const filtersOf = (space: Space): number => space.classes.length * space.width;

/** Spaces that something can go from, and why nothing can of the others. */
export function sortOut(
  spaces: readonly Space[],
  multiple: number,
): { prunable: Space[]; declined: PassResult['declined'] } {
  const prunable: Space[] = [];
  const declined: PassResult['declined'] = [];
  for (const space of spaces) {
    const small =
      space.classes.length <= space.step(multiple)
        ? `its ${filtersOf(space)} filters are no more than one block of ${multiple}`
        : null;
    const reason = space.frozen ?? small;
    if (reason) declined.push({ node: nameOf(space), reason });
    else prunable.push(space);
  }
  return { prunable, declined };
}
