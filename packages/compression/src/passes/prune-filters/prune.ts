/** Filter pruning: score, remove with everything that depends on it, fine-tune. */
import type { RecipePass } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { CompressionError } from '../../errors.js';
import { fineTune } from '../fine-tune.js';
import type { PassContext, PassResult } from '../pass.js';
import type { Space } from '../../graph/channel-space.js';
import { channelSpaces } from '../../graph/dependencies.js';
import { removeChannels } from './remove.js';
import { scoreFilters } from './score.js';
import { selectChannels } from './select.js';

export type PruneOptions = Omit<Extract<RecipePass, { pass: 'prune-filters' }>, 'pass'>;

/** Share of the pass's progress that scoring takes; the rest is fine-tuning. */
const scoringShare = 0.1;

const label = (space: Space): string => space.producers.map((p) => p.node).join(' + ') || 'values without filters';

function sortOut(spaces: readonly Space[], multiple: number): { prunable: Space[]; declined: PassResult['declined'] } {
  const prunable: Space[] = [];
  const declined: PassResult['declined'] = [];
  for (const space of spaces) {
    if (space.producers.length === 0) continue;
    const small = space.size <= multiple ? `its ${space.size} filters are no more than one block of ${multiple}` : null;
    const reason = space.frozen ?? small;
    if (reason) declined.push({ node: label(space), reason });
    else prunable.push(space);
  }
  return { prunable, declined };
}

/**
 * @throws CompressionError `unsuitable-model` when no filter can be removed, `cancelled`; TrainingError when the model cannot
 *   be differentiated
 */
export async function pruneFilters(model: Model, options: PruneOptions, context: PassContext): Promise<PassResult> {
  const { prunable, declined } = sortOut(channelSpaces(model), options.multiple);
  if (prunable.length === 0) {
    const problems = declined.map((d) => `${d.node}: ${d.reason}`);
    throw new CompressionError('unsuitable-model', `no filter can be removed: ${problems.join('; ')}`, { problems });
  }
  const scores = await scoreFilters(model, prunable, context.train, {
    norm: options.norm,
    batches: options.scoreBatches,
    ports: context.ports,
    batchSize: options.fineTune.batchSize,
    createSession: context.createSession,
    signal: context.signal,
    onProgress: (fraction) => context.onProgress?.(fraction * scoringShare),
  });
  const keep = selectChannels(scores, options);
  const pruned = removeChannels(model, prunable, keep);
  const before = prunable.reduce((n, s) => n + s.size, 0);
  const after = keep.reduce((n, k) => n + k.length, 0);
  const tuned = await fineTune(pruned, model, options.fineTune, {
    ...context,
    onProgress: (fraction) => context.onProgress?.(scoringShare + (1 - scoringShare) * fraction),
  });
  return {
    model: tuned,
    changes: { filtersBefore: before, filtersRemoved: before - after, layers: prunable.length },
    declined,
  };
}
