/** What pruning leaves of a model's size and work, without ranking or training anything: which channels go does not change that. */
import { encodeModel, figuresOf, type Model } from '@verge/onnx';
import { dependencies, removalOf, withoutChannels } from '../../graph/dependencies.js';
import type { PassContext } from '../pass.js';
import { shapesOf } from './costs.js';
import { sortOut } from './prunable.js';
import { selectChannels } from './select.js';

export interface Left {
  readonly bytes: number;
  /** Of one sample; null where they cannot be counted. */
  readonly macs: number | null;
}

/**
 * With the same share of each layer, in blocks.
 * @param ratios shares of the channels that go
 * @param multiple what kept counts are rounded up to
 * @returns in the order of `ratios`; empty where nothing can be removed
 */
export async function foretold(
  model: Model,
  ratios: readonly number[],
  multiple: number,
  context: Pick<PassContext, 'createSession' | 'train'>,
): Promise<Left[]> {
  const followed = await dependencies(model, context.createSession, multiple);
  const { prunable } = sortOut(followed.spaces, multiple);
  if (prunable.length === 0) return [];
  const scores = prunable.map(({ classes }) => new Float64Array(classes.length));
  const steps = prunable.map((space) => space.step(multiple));
  return ratios.map((ratio) => {
    const keep = selectChannels(scores, { ratio, scope: 'layer', steps });
    const cut = withoutChannels(followed, removalOf(followed, prunable, keep));
    return { bytes: encodeModel(cut).byteLength, macs: figuresOf(cut, { samples: shapesOf(cut, context) }).macs };
  });
}
