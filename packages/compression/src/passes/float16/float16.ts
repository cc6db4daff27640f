/** Floats of 16 bits in place of 32, between inputs and outputs that stay as they are. */
import type { RecipePass } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { boundToSamples } from '@verge/training';
import { liftConstants } from '../../graph/lift-constants.js';
import { Feeds } from '../../study/feeds.js';
import { studyMagnitudes } from '../../study/magnitudes.js';
import { spread } from '../../study/spread.js';
import { checkedKeep, nothingDone } from '../keep.js';
import type { PassContext, PassResult } from '../pass.js';
import { inHalves } from './convert.js';
import { halfCandidates, withinRange, type HalfPlan } from './plan.js';
import { storeHalves } from './weights.js';

export type Float16Options = Omit<Extract<RecipePass, { pass: 'float16' }>, 'pass'>;

const SLOWER = 'a device whose processor has no arithmetic in float16 converts at each operator, and is slower';

/** The values that nodes in halves read and give. */
function valuesOf(plan: HalfPlan): string[] {
  const values = new Set<string>();
  for (const node of plan.nodes) {
    const { inputs, outputs } = plan.places(node);
    for (const i of inputs) values.add(node.inputs[i] as string);
    for (const i of outputs) values.add(node.outputs[i] as string);
  }
  return [...values].filter((value) => !plan.index.constant(value));
}

async function computeHalves(
  model: Model,
  keep: ReadonlySet<string>,
  options: Float16Options,
  context: PassContext,
): Promise<PassResult> {
  const candidates = halfCandidates(model, keep);
  const samples = spread(context.train, options.samples);
  const bound = boundToSamples(model, samples, context.ports);
  const feeds = new Feeds(bound, samples);
  const magnitudes = await studyMagnitudes(bound, valuesOf(candidates), feeds, context);
  const plan = withinRange(candidates, magnitudes);
  if (plan.nodes.size === 0) nothingDone('no node can compute in float16', plan.declined);
  const { model: converted, changes } = inHalves(model, plan);
  const outOfRange = plan.declined.length - candidates.declined.length;
  const counted = { ...changes, nodesKept: plan.declined.length, nodesOutOfRange: outOfRange };
  return { model: converted, changes: counted, declined: plan.declined, notes: [SLOWER] };
}

/**
 * With 'weights' constants are stored as halves and become floats when the model is loaded; with 'all' what lies between is computed in halves,
 * but for operators that are not made for it and values that float16 cannot hold.
 * @throws CompressionError `bad-recipe` when `keep` names a node that is not there, `unsuitable-model` when nothing changes,
 *   `bad-samples`, `cancelled`
 */
export async function float16(model: Model, options: Float16Options, context: PassContext): Promise<PassResult> {
  const keep = checkedKeep(model, options.keep);
  const { model: inside, lifted } = liftConstants(model);
  const result =
    options.mode === 'all' ? await computeHalves(inside, keep, options, context) : storeHalves(inside, keep);
  if (result.changes['weights'] === 0 && options.mode === 'weights')
    nothingDone('no constant of 64 floats or more can be stored as float16', result.declined);
  return { ...result, changes: { ...result.changes, ...(lifted > 0 && { constantsLifted: lifted }) } };
}
