/** Layers that the recipe gives a ratio of their own. */
import type { Model } from '@verge/onnx';
import { CompressionError } from '../../errors.js';
import type { Space } from '../../graph/spaces.js';
import { checkNodes } from '../keep.js';
import { nameOf } from './amount.js';

export type OwnRatios = readonly { readonly node: string; readonly ratio: number }[];

/**
 * The ratio of each space, or null of one that no entry names.
 * @param spaces all there are, those that nothing can be removed from among them
 * @throws CompressionError `bad-recipe` naming each node that is not there, that computes no channels, or whose channels go with those of
 *   another with another ratio
 */
export function ratiosOf(model: Model, spaces: readonly Space[], ratios: OwnRatios): (number | null)[] {
  checkNodes(model, { ratios: ratios.map(({ node }) => node) });
  const computes = (space: Space, node: string): boolean => space.producers.some((producer) => producer.node === node);
  const problems = ratios
    .filter(({ node }) => !spaces.some((space) => computes(space, node)))
    .map(({ node }) => `ratios: '${node}' computes no channels`);
  const found = spaces.map((space) => {
    const named = ratios.filter(({ node }) => computes(space, node));
    if (new Set(named.map(({ ratio }) => ratio)).size > 1)
      problems.push(`ratios: the channels of ${nameOf(space)} go together; expected one ratio for them`);
    return named[0]?.ratio ?? null;
  });
  if (problems.length > 0) throw new CompressionError('bad-recipe', problems.join('; '), { problems });
  return found;
}
