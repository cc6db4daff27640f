/** Training after a pass that changed the network. */
import type { RecipePass } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { distill, findParameters, fit, type FitOptions, inTrainingForm, type Progress } from '@verge/training';
import type { PassContext } from './pass.js';

export type FineTuneOptions = Extract<RecipePass, { pass: 'prune-filters' }>['fineTune'];

/** What a pass says of the training: what moves besides what does by default, what does not, and how the learning rate goes. */
export type Held = Pick<FitOptions, 'alsoTrained' | 'masks' | 'schedule' | 'trainable'>;

/** Trains what a pass left, with the model that it was given as teacher where the options say so; 0 epochs train nothing. */
export async function fineTune(
  changed: Model,
  original: Model,
  options: FineTuneOptions,
  context: PassContext,
  held: Held = {},
): Promise<Model> {
  if (options.epochs === 0) return changed;
  const { createSession, train, validation, signal, onProgress } = context;
  const { epochs, batchSize, seed, optimizer } = options;
  const report = (p: Progress): void => onProgress?.(p.epoch / p.epochs);
  const common = {
    ...context.ports,

    model: changed,
    createSession,
    train,
    validation,
    epochs,
    batchSize,
    seed,
    optimizer,
    signal,
    onProgress: report,
    ...held,
  };
  const { distillation } = options;
  const result = distillation ? await distill({ ...common, teacher: original, ...distillation }) : await fit(common);
  return result.model;
}

/** Parameters that such a training moves: those that the output depends on which it trains, by their names in the file. */
export function movedBy(
  model: Model,
  { optimizer }: FineTuneOptions,
  { train, validation, ports }: PassContext,
): ReadonlySet<string> {
  const { form } = inTrainingForm({ ...ports, model, train, validation, optimizer });
  const own = new Map([...form.renamed].map(([name, inside]) => [inside, name]));
  return new Set([...findParameters(form.model.graph).keys()].map((name) => own.get(name) ?? name));
}
