/** Training of the values of lists: each moves by the sum of the gradients of the weights that share it (Han et al. 2016, 3.3). */
import type { Model } from '@verge/onnx';
import { cloneModel } from '../../graph/index-of-values.js';
import { fineTune, type FineTuneOptions, movedBy, refuseFrozen } from '../fine-tune.js';
import type { PassContext } from '../pass.js';
import type { Coded } from './code.js';
import { storeForTraining, valuesName } from './store.js';
import type { Weight } from './weights.js';

type Pairs = readonly (readonly [Weight, Coded])[];

/**
 * The gradient of Gather adds up those of all that reads a value, so that this is an ordinary training. What is no list (biases, scales
 * of normalisations) moves too; scales of channels stay, and a value that is 0 stays 0.
 * @returns the model with what else moved, and the coded weights with their new values
 */
export async function tuned(
  model: Model,
  original: Model,
  pairs: Pairs,
  options: FineTuneOptions,
  context: PassContext,
): Promise<{ model: Model; pairs: (readonly [Weight, Coded])[] }> {
  const learning = cloneModel(model);
  learning.graph.nodes.unshift(...pairs.flatMap(([weight, coded]) => storeForTraining(learning, weight, coded)));
  const scales = new Set(pairs.map(([{ name }]) => `${name}/scales`));
  const moved = movedBy(learning, options, context);
  const learned = pairs.filter(([w]) => moved.has(valuesName(w)));
  // A recipe may name the weight, or its values.
  refuseFrozen(new Map(learned.flatMap(([w]) => [w.name, valuesName(w)].map((name) => [name, w.node]))), options);
  const masks = new Map(learned.map(([w, { values }]) => [valuesName(w), values.map((v) => (v === 0 ? 0 : 1))]));
  const held = { masks, trainable: (name: string) => !scales.has(name) };
  const { graph } = await fineTune(learning, original, options, context, held);
  const found = (name: string): Float32Array => (graph.initializers.get(name)!.value as { data: Float32Array }).data;
  const result = cloneModel(model);
  const coded = new Set(pairs.map(([{ name }]) => name));
  for (const name of result.graph.initializers.keys()) {
    const now = graph.initializers.get(name);
    if (now && !coded.has(name)) result.graph.initializers.set(name, now);
  }
  // Adding 0 makes a -0 of the mask's a 0.
  return { model: result, pairs: pairs.map(([w, c]) => [w, { ...c, values: found(valuesName(w)).map((v) => v + 0) }]) };
}
