/** Filter pruning: score, remove with everything that depends on it, fine-tune. */
import type { RecipePass } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { boundToSamples, sampleFeeds } from '@verge/training';
import { CompressionError } from '../../errors.js';
import { fineTune } from '../fine-tune.js';
import type { PassContext, PassResult } from '../pass.js';
import { dependencies } from '../../graph/dependencies.js';
import type { Space } from '../../graph/spaces.js';
import { type Importance, scoreFilters } from './score.js';
import { selectChannels } from './select.js';
import { type Trial, verified } from './verify.js';

type Config = Extract<RecipePass, { pass: 'prune-filters' }>;

/** The recipe's fields, with the block of the target where the recipe says none. */
export type PruneOptions = Omit<Config, 'pass' | 'multiple' | 'importance'> & {
  multiple: number;
  importance?: Importance;
};

/** Share of the pass's progress that scoring takes; the rest is fine-tuning. */
const scoringShare = 0.1;

/** Samples on which the cut model is held against the masked one. */
const VERIFIED_SAMPLES = 4;

const label = (space: Space): string => [...new Set(space.producers.map((p) => p.node))].join(' + ');

const filtersOf = (space: Space): number => space.classes.length * space.width;

function sortOut(spaces: readonly Space[], multiple: number): { prunable: Space[]; declined: PassResult['declined'] } {
  const prunable: Space[] = [];
  const declined: PassResult['declined'] = [];
  for (const space of spaces) {
    const small =
      space.classes.length <= space.step(multiple)
        ? `its ${filtersOf(space)} filters are no more than one block of ${multiple}`
        : null;
    const reason = space.frozen ?? small;
    if (reason) declined.push({ node: label(space), reason });
    else prunable.push(space);
  }
  return { prunable, declined };
}

/** Runs models on a few samples, or on as many as they take at once. */
function trialOf(model: Model, { train, ports, createSession }: PassContext): Trial {
  const bind = (of: Model): Model => boundToSamples(of, train, ports);
  const bound = bind(model);
  const type = bound.graph.inputs.find((input) => !bound.graph.initializers.has(input.name))?.type;
  const batch = type?.kind === 'tensor' ? type.shape?.[0] : null;
  const rows = typeof batch === 'number' ? batch : VERIFIED_SAMPLES;
  return { feeds: sampleFeeds(bound, train, 0, Math.min(rows, train.y.length)), bind, createSession };
}

/**
 * @throws CompressionError `unsuitable-model` when no filter can be removed, `cancelled`; TrainingError when the model cannot
 *   be differentiated
 */
export async function pruneFilters(model: Model, options: PruneOptions, context: PassContext): Promise<PassResult> {
  const followed = await dependencies(model, context.createSession, options.multiple);
  const { prunable, declined } = sortOut(followed.spaces, options.multiple);
  if (prunable.length === 0) {
    const problems = declined.map((d) => `${d.node}: ${d.reason}`);
    throw new CompressionError('unsuitable-model', `no filter can be removed: ${problems.join('; ')}`, { problems });
  }
  const scores = await scoreFilters(followed.model, prunable, context.train, {
    importance: options.importance,
    norm: options.norm,
    batches: options.scoreBatches,
    ports: context.ports,
    batchSize: options.fineTune.batchSize,
    createSession: context.createSession,
    signal: context.signal,
    onProgress: (fraction) => context.onProgress?.(fraction * scoringShare),
  });
  const steps = prunable.map((space) => space.step(options.multiple));
  const wanted = selectChannels(scores, { ...options, steps });
  const trial = trialOf(followed.model, context);
  const { model: pruned, keep, failed } = await verified(followed, prunable, wanted, trial);
  const count = (kept: (s: number) => number): number => prunable.reduce((n, space, s) => n + kept(s) * space.width, 0);
  const before = count((s) => (prunable[s] as Space).classes.length);
  const tuned = await fineTune(pruned, model, options.fineTune, {
    ...context,
    onProgress: (fraction) => context.onProgress?.(scoringShare + (1 - scoringShare) * fraction),
  });
  return {
    model: tuned,
    changes: {
      filtersBefore: before,
      filtersRemoved: before - count((s) => (keep[s] as Int32Array).length),
      layers: prunable.length - failed.length,
      ...(failed.length > 0 && { failedVerification: failed.length }),
    },
    declined: [...declined, ...failed.map(({ space, reason }) => ({ node: label(space), reason }))],
  };
}
