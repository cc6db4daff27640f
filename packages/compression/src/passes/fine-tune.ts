/** Training after a pass that changed the network. */
import type { RecipePass } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { distill, findParameters, fit, type FitOptions, groupOf, inTrainingForm, type Progress } from '@verge/training';
import { CompressionError } from '../errors.js';
import type { PassContext } from './pass.js';

export type FineTuneOptions = Extract<RecipePass, { pass: 'prune-filters' }>['fineTune'];

/** What a pass says of the training: what moves besides what does by default, what does not, and how the learning rate goes. */
export type Held = Pick<FitOptions, 'alsoTrained' | 'masks' | 'schedule' | 'trainable'>;

/**
 * Zeros of a weight are held while it is trained, which a frozen one is not.
 * @param held names of weights with zeros, and the node that reads each
 * @throws CompressionError `bad-recipe` naming every such weight that a group of the optimiser freezes
 */
export function refuseFrozen(held: ReadonlyMap<string, string>, { epochs, optimizer }: FineTuneOptions): void {
  if (epochs === 0) return;
  const problems = [...held].flatMap(([name, node]) => {
    const group = groupOf(optimizer, name);
    if (group?.frozen !== true) return [];
    const at = `fineTune.optimizer.groups.${optimizer.groups?.findIndex((one) => one === group) ?? 0}`;
    return [
      `${at} (${group.match.join(', ')}) freezes '${name}' of '${node}', which the pass changes: name the node in \`keep\``,
    ];
  });
  if (problems.length > 0) throw new CompressionError('bad-recipe', problems.join('; '), { problems });
}

/**
 * Trains what a pass left; 0 epochs train nothing. The teacher, where the options ask for one, is the model that the recipe was given.
 * @param given what the pass was given: the teacher where there is no recipe
 */
export async function fineTune(
  changed: Model,
  given: Model,
  options: FineTuneOptions,
  context: PassContext,
  held: Held = {},
): Promise<Model> {
  if (options.epochs === 0) return changed;
  const { createSession, train, validation, scratch, signal, onProgress } = context;
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
    ...(scratch && { scratch }),
    signal,
    onProgress: report,
    ...held,
  };
  const { distillation } = options;
  const teacher = context.original ?? given;
  const result = distillation ? await distill({ ...common, teacher, ...distillation }) : await fit(common);
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
