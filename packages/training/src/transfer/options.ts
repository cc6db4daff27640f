/** The options of a run with its model in training form; what names values of the model names them as the form does. */
import type { Companion } from '../distill-companion.js';
import { refuse } from '../errors.js';
import { logitsOf } from '../export.js';
import type { FitOptions } from '../fit-options.js';
import { adapt } from '../lora/adapt.js';
import { chooseSites } from '../lora/choose.js';
import { factorA, factorB } from '../lora/names.js';
import { loraProblems, type LoraSpec } from '../lora/spec.js';
import { isSource, sampleShape, type SampleSet } from '../loop/source.js';
import { renameValues, valuesRead } from '../losses/spec.js';
import type { OptimizerSpec } from '../optimizers.js';
import { matches } from '../patterns.js';
import { ownName, trainingForm, type TrainingForm } from './form.js';
import type { PortOptions, SampleShape } from './ports.js';

type Named = PortOptions &
  Pick<
    FitOptions,
    | 'model'
    | 'train'
    | 'validation'
    | 'trainable'
    | 'alsoTrained'
    | 'masks'
    | 'optimizer'
    | 'companion'
    | 'loss'
    | 'lora'
  >;

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

/** Samples whose further inputs are called as the form calls them. */
function samplesFor(samples: SampleSet, { renamed }: TrainingForm): SampleSet {
  const { inputs } = samples;
  if (!inputs || !Object.keys(inputs).some((name) => renamed.has(name))) return samples;
  const inside = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [renamed.get(name) ?? name, value]));
  if (!isSource(samples)) return { ...samples, inputs: inside(samples.inputs!) };
  const { count, shape, block, digest } = samples;
  return {
    ...{ count, shape, block, digest, inputs: inside(samples.inputs!) },
    read: async (indices, signal) => {
      const batch = await samples.read(indices, signal);
      return { ...batch, ...(batch.inputs && { inputs: inside(batch.inputs) }) };
    },
  };
}

/** A teacher on the samples' inputs, as far as it has them. */
function companionFor(companion: Companion, { shape, inputs = {} }: SampleShape): Companion {
  const known = companion.model.graph.inputs.map((i) => i.name);
  const own = Object.fromEntries(Object.entries(inputs).filter(([name]) => known.includes(name)));
  return { ...companion, model: trainingForm(companion.model, { sample: { shape, inputs: own } }).model };
}

interface Moving {
  /** By the names inside. */
  readonly trainable?: (name: string) => boolean;
  readonly alsoTrained?: (name: string) => boolean;
}

/** What was asked about names in the file, about those inside. Made apart: a run keeps it, and it must not hold the model. */
function inFile(asked: Moving['trainable'], renamed: TrainingForm['renamed']): Moving['trainable'] {
  return asked && ((name) => asked(ownName(name, { renamed })));
}

/**
 * The form with adapters in it. They are all that moves, beside what the run's options name.
 * @throws TrainingError `bad-options` naming every field out of range and every pattern that names no such weight
 */
function withAdapters(form: TrainingForm, lora: LoraSpec, { trainable, alsoTrained }: Moving): InForm<Moving> {
  const asked = (name: string): boolean => (trainable?.(name) ?? false) || (alsoTrained?.(name) ?? false);
  // What is returned must not hold the form: its constants may go to a disk.
  const before = form.renamed;
  const own = (name: string): string => ownName(name, { renamed: before });
  const { sites, problems } = chooseSites(form.model.graph, lora, own, asked);
  refuse('bad-options', 'low-rank adapters', [...loraProblems(lora), ...problems]);
  const adapted = adapt(form.model, sites, lora, own);
  const factors = new Set(adapted.adapters.flatMap(({ a, b }) => [a, b]));
  const renamed = new Map(form.renamed);
  for (const { site, a, b } of adapted.adapters)
    if (own(site.weight) !== site.weight) {
      renamed.set(factorA(own(site.weight)), a);
      renamed.set(factorB(own(site.weight)), b);
    }
  return {
    form: { ...form, model: adapted.model, renamed, lora: adapted },
    options: {
      trainable: (name) => factors.has(name) || asked(name),
      alsoTrained: (name) => factors.has(name) || (alsoTrained?.(name) ?? false),
    },
  };
}

/** @throws TrainingError `bad-options` naming every input and output that does not fit */
export function inTrainingForm<T extends Named>(given: T): InForm<T> {
  const { fixedInputs, dims, output, trainable, alsoTrained, masks, companion, lora } = given;
  const sample = sampleShape(given.train);
  const logits = given.loss && renameValues(given.loss, (value) => logitsOf(given.model, value));
  const alsoRead = [
    ...(logits ? valuesRead(logits) : []),
    ...(companion?.projections ?? []).map((projection) => projection.student),
  ];
  const plain = trainingForm(given.model, { sample, ports: { fixedInputs, dims, output }, alsoRead });
  const moving = { trainable: inFile(trainable, plain.renamed), alsoTrained: inFile(alsoTrained, plain.renamed) };
  const { form, options: moves } = lora ? withAdapters(plain, lora, moving) : { form: plain, options: moving };
  const { renamed } = form;
  const options = {
    ...given,
    ...moves,
    model: form.model,
    ...(logits && { loss: logits }),
    ...(companion && { companion: companionFor(companion, sample) }),
  };
  if (renamed.size === 0) return { options, form };
  return {
    form,
    options: {
      ...options,
      train: samplesFor(given.train, form),
      validation: samplesFor(given.validation, form),
      optimizer: optimizerFor(given.optimizer, form),
      ...(logits && { loss: renameValues(logits, (value) => renamed.get(value) ?? value) }),
      ...(masks && { masks: new Map([...masks].map(([name, mask]) => [renamed.get(name) ?? name, mask])) }),
    },
  };
}
