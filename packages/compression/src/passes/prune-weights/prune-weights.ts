/** Pruning of single weights: rank, set to 0, train the rest with the zeros held; in one round or in several. */
import type { RecipePass } from '@verge/contracts';
import { float32, type Model } from '@verge/onnx';
import { separateParameters } from '@verge/training';
import { checkCancelled } from '../../errors.js';
import { cloneModel } from '../../graph/index-of-values.js';
import { fineTune, movedBy, refuseFrozen } from '../fine-tune.js';
import { nothingDone } from '../keep.js';
import type { PassContext, PassResult } from '../pass.js';
import { scoreWeights } from './score.js';
import { acrossLayers, layerAdaptive, sharesOf, withinLayers } from './select.js';
import { type Weight, weightsOf } from './weights.js';

export type PruneWeightsOptions = Omit<Extract<RecipePass, { pass: 'prune-weights' }>, 'pass'>;

/** Whether anything is learned from labels: ranks, or what is left. */
export const needsLabels = ({ importance, schedule, fineTune: { epochs } }: PruneWeightsOptions): boolean =>
  importance !== 'magnitude' || schedule.by !== 'one-shot' || epochs > 0;

type Masks = Map<string, Uint8Array>;

const floats = (model: Model, name: string): Float32Array =>
  (model.graph.initializers.get(name)!.value as { data: Float32Array }).data;

/** The model with 0 where a mask has 0; never -0, whose bits are not those of 0. */
function masked(model: Model, masks: Masks): Model {
  const result = cloneModel(model);
  for (const [name, mask] of masks) {
    const stored = result.graph.initializers.get(name)!;
    const data = floats(model, name).slice();
    for (let i = 0; i < data.length; i++) if (mask[i] === 0) data[i] = 0;
    result.graph.initializers.set(name, { ...stored, value: float32(stored.value.dims, data) });
  }
  return result;
}

interface Round {
  /** How much of the removal is done after it, 0 to 1. */
  readonly progress: number;
  /** The share of the weights that is 0 after it. */
  readonly share: number;
}

/** A layer with a ratio of its own goes there at the pace of the others. */
const shareOf = ({ ratio }: Weight, { progress, share }: Round): number => (ratio === null ? share : ratio * progress);

/** Scores below all others for what is 0 already. */
const unlessGone = (scores: Float64Array, mask: Uint8Array | undefined): Float64Array =>
  mask ? scores.map((s, i) => (mask[i] === 0 ? -1 : s)) : scores;

/** The masks of a round in which no layer asks about another or about samples: the scores of one are in memory at a time. */
async function masksByLayer(
  model: Model,
  weights: readonly Weight[],
  before: Masks,
  round: Round,
  signal: AbortSignal | undefined,
): Promise<Masks> {
  const masks: Masks = new Map();
  for (const weight of weights) {
    checkCancelled(signal);
    const scores = unlessGone(Float64Array.from(floats(model, weight.name), Math.abs), before.get(weight.name));
    masks.set(weight.name, withinLayers([scores], [shareOf(weight, round)])[0]!);
    await new Promise(setImmediate);
  }
  return masks;
}

/** The masks of a round. What is 0 from an earlier one stays 0, whatever its score. */
async function masksOf(
  model: Model,
  weights: readonly Weight[],
  before: Masks,
  round: Round,
  { options, context }: { options: PruneWeightsOptions; context: PassContext },
): Promise<Masks> {
  if (options.importance === 'magnitude' && options.scope === 'layer')
    return masksByLayer(model, weights, before, round, context.signal);
  const values = new Map(weights.map(({ name }) => [name, floats(model, name)]));
  const { createSession, signal, ports, train } = context;
  const found = await scoreWeights(model, values, train, {
    ...{ importance: options.importance, norm: options.norm, batches: options.scoreBatches },
    ...{ batchSize: options.fineTune.batchSize, createSession, signal, ports },
  });
  const scoreOf = ({ name }: Weight): Float64Array => unlessGone(found.get(name)!, before.get(name));
  // A layer with a ratio of its own does not compete with others.
  const competing = options.scope === 'global' ? weights.filter(({ ratio }) => ratio === null) : [];
  const alone = weights.filter((w) => !competing.includes(w));
  const { importance } = options;
  const ranked = competing.map((w) => (importance === 'magnitude' ? layerAdaptive(found.get(w.name)!) : scoreOf(w)));
  const kept = [
    ...acrossLayers(ranked, round.share),
    ...withinLayers(
      alone.map(scoreOf),
      alone.map((weight) => shareOf(weight, round)),
    ),
  ];
  return new Map([...competing, ...alone].map(({ name }, i) => [name, kept[i] as Uint8Array]));
}

const zerosIn = (data: Float32Array): number => data.reduce((count, v) => count + (v === 0 ? 1 : 0), 0);

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;

/**
 * @throws CompressionError `bad-recipe` where the recipe names a node that is not there or freezes a weight that is to be pruned,
 *   `unsuitable-model` when no weight can be set to 0, `cancelled`; TrainingError when the model cannot be differentiated
 */
export async function pruneWeights(
  model: Model,
  options: PruneWeightsOptions,
  context: PassContext,
): Promise<PassResult> {
  const given = separateParameters(model).model;
  const moved = needsLabels(options) ? movedBy(given, options.fineTune, context) : null;
  const { weights, declined } = weightsOf(given, options, moved);
  if (weights.length === 0) nothingDone('no weight can be set to 0', declined);
  const shares = sharesOf(options.ratio, options.schedule);
  const between = options.schedule.by === 'one-shot' ? 0 : options.schedule.epochs;
  const epochs = (shares.length - 1) * between + options.fineTune.epochs;
  refuseFrozen(new Map(weights.map(({ name, node }) => [name, node])), { ...options.fineTune, epochs });
  let [pruned, masks, trained] = [given, new Map() as Masks, 0];
  for (const [i, share] of shares.entries()) {
    checkCancelled(context.signal);
    const last = i === shares.length - 1;
    masks = await masksOf(pruned, weights, masks, { share, progress: share / options.ratio }, { options, context });
    pruned = masked(pruned, masks);
    const own = { ...options.fineTune, ...(!last && { epochs: between, seed: options.fineTune.seed + i + 1 }) };
    const tuned = await fineTune(
      pruned,
      model,
      own,
      {
        ...context,
        onProgress: (fraction) => context.onProgress?.((trained + fraction * own.epochs) / Math.max(1, epochs)),
      },
      // Between rounds the rate stays where it is; the last training takes it down.
      { masks, ...(!last && { schedule: { name: 'constant' } }) },
    );
    // Training holds the zeros; the bits of each are put right.
    if (tuned !== pruned) pruned = masked(tuned, masks);
    trained += own.epochs;
  }
  return reported(pruned, weights, shares.length, declined);
}

/** What the result holds, counted in the result. */
function reported(
  model: Model,
  weights: readonly Weight[],
  rounds: number,
  declined: PassResult['declined'],
): PassResult {
  const counts = weights.map(({ name, node, count }) => ({
    node,
    all: count,
    zeros: zerosIn(floats(model, name)),
  }));
  const sum = (of: (count: (typeof counts)[number]) => number): number => counts.reduce((total, c) => total + of(c), 0);
  return {
    model,
    changes: { weights: sum((c) => c.all), zeros: sum((c) => c.zeros), layers: weights.length, rounds },
    declined,
    notes: counts.map(({ node, all, zeros }) => `${node}: ${zeros} of ${all} weights are 0 (${percent(zeros, all)})`),
  };
}
