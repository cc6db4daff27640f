/** The options of a run with its model in training form; what names values of the model names them as the form does. */
import type { FitOptions } from '../fit-options.js';
import type { OptimizerSpec } from '../optimizers.js';
import { matches } from '../patterns.js';
import { ownName, trainingForm, type TrainingForm } from './form.js';

type Named = Pick<FitOptions, 'model' | 'train' | 'trainable' | 'alsoTrained' | 'masks' | 'optimizer' | 'companion'>;

/** Patterns are about names in the file: what they fit there is named here, and a pattern that fits nothing is left to be refused. */
function inside(patterns: readonly string[], { model, renamed }: TrainingForm): string[] {
  const { initializers } = model.graph;
  const others = [...renamed].filter(([, name]) => initializers.has(name));
  return patterns.flatMap((pattern) => {
    const found = others.filter(([own]) => matches(pattern, own)).map(([, name]) => name);
    const stays = found.length === 0 || [...initializers.keys()].some((name) => matches(pattern, name));
    return stays ? [pattern, ...found] : found;
  });
}

function optimizerFor(spec: OptimizerSpec, form: TrainingForm): OptimizerSpec {
  const { decayExcluded, groups } = spec;
  return {
    ...spec,
    ...(decayExcluded && { decayExcluded: inside(decayExcluded, form) }),
    ...(groups && { groups: groups.map((g) => ({ ...g, match: inside(g.match, form) })) }),
  };
}

export interface InForm<T> {
  readonly options: T;
  readonly form: TrainingForm;
}

export function inTrainingForm<T extends Named>(given: T): InForm<T> {
  const { shape } = given.train;
  const form = trainingForm(given.model, shape);
  const { trainable, alsoTrained, masks, companion } = given;
  const { renamed } = form;
  const options = {
    ...given,
    model: form.model,
    ...(companion && { companion: { ...companion, model: trainingForm(companion.model, shape).model } }),
  };
  if (renamed.size === 0) return { options, form };
  return {
    form,
    options: {
      ...options,
      optimizer: optimizerFor(given.optimizer, form),
      ...(trainable && { trainable: (name: string) => trainable(ownName(name, form)) }),
      ...(alsoTrained && { alsoTrained: (name: string) => alsoTrained(ownName(name, form)) }),
      ...(masks && { masks: new Map([...masks].map(([name, mask]) => [renamed.get(name) ?? name, mask])) }),
    },
  };
}
