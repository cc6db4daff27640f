/**
 * The form in which a model is trained: the same function with each parameter an initializer of its own, under a name that a
 * training graph can hold. Files hold parameters in many ways; everything behind this sees one.
 */
import { collectNames, renameGraph, withoutZipMap, type Graph, type Model, type Repair } from '@verge/onnx';
import { exportInference, type NewValue } from '../export.js';
import { mergeAdapters, type Adapted } from '../lora/adapt.js';
import { RESERVED } from '../forward.js';
import { matchesAny } from '../patterns.js';
import { takenBranches } from './branches.js';
import { liftConstants } from './constants.js';
import { takeIn } from './intake.js';
import { assumedPorts, bindPorts, type PortOptions, type SampleShape } from './ports.js';
import type { StoredAs } from './stored-types.js';
import { untie, type Untied } from './untie.js';
import { widenFloats, widenLevels } from './widen.js';

export interface SeparatedModel {
  readonly model: Model;
  readonly untied: readonly Untied[];
  /** What broke a rule of ONNX and was mended first. */
  readonly repairs: readonly Repair[];
}

export interface TrainingForm extends SeparatedModel {
  /** The model with its parameters separated, with its own names and ports. */
  readonly separated: Model;
  /** The name inside by the name in the file, where they differ. */
  readonly renamed: ReadonlyMap<string, string>;
  /** Low-rank adapters in `model`, where there are any. */
  readonly lora?: Adapted;
  /** How the file holds the parameters that it holds in another type than float32, by their names in it. */
  readonly stored: ReadonlyMap<string, StoredAs>;
  /** What the file leaves open of its inputs and outputs and was decided, in words. */
  readonly assumed: readonly string[];
}

/** Names that training graphs use for themselves get others, which no value of the model has. */
function freeNames(graph: Graph): Map<string, string> {
  const taken = collectNames(graph);
  const renamed = new Map<string, string>();
  for (const name of [...taken].filter((n) => RESERVED.test(n))) {
    let other = `model.${name}`;
    while (taken.has(other)) other = `model.${other}`;
    taken.add(other);
    renamed.set(name, other);
  }
  return renamed;
}

/**
 * The same function with an initializer for each parameter: weights of Constant nodes, of branches and of functions become some, and what
 * an exporter or an optimiser stored once is separated (`untie`). Names stay as they are. What breaks a rule of ONNX is
 * repaired first (`normalise`).
 * @param untying patterns of initializers whose every reader gets a parameter of its own, also where they are truly tied
 * @param options.strict refuses what would be repaired
 * @returns the very model where there is nothing to do
 * @throws OnnxError as `normalise`
 */
export function separateParameters(
  given: Model,
  untying: readonly string[] = [],
  options: { readonly strict?: boolean } = {},
): SeparatedModel {
  const { model, repairs } = takeIn(given, options);
  const { graph, untied } = untie(liftConstants(model.graph), (name) => matchesAny(untying, name));
  return { model: graph === model.graph ? model : { ...model, graph }, untied, repairs };
}

/** What a run makes of a model's ports. */
export interface FormOptions {
  /** What one sample is; inputs and outputs stay as they are when absent. */
  readonly sample?: SampleShape;
  readonly ports?: PortOptions;
  /** Values of the model that the loss reads besides the trained output. */
  readonly alsoRead?: readonly string[];
}

/**
 * `separateParameters`, parameters as float32 (widen.ts), the inputs and outputs of a run (`bindPorts`), and other names for values
 * that have names of a training graph.
 * @throws TrainingError as `bindPorts`
 */
export function trainingForm(given: Model, { sample, ports, alsoRead }: FormOptions = {}): TrainingForm {
  const { model: separated, untied, repairs } = separateParameters(given);
  // Classifiers of scikit-learn end in maps; what they are made of are scores.
  const floats = widenFloats(withoutZipMap(separated).model);
  const bound = sample ? bindPorts(floats.model, sample, ports, alsoRead) : floats.model;
  const { model, stored: levels } = widenLevels(takenBranches(bound));
  const stored = new Map([...floats.stored, ...levels]);
  const renamed = freeNames(model.graph);
  const graph = renamed.size === 0 ? model.graph : renameGraph(model.graph, renamed);
  return {
    model: graph === model.graph ? model : { ...model, graph },
    separated,
    untied,
    repairs,
    renamed,
    stored,
    assumed: sample ? assumedPorts(floats.model, sample, ports) : [],
  };
}

type Values = ReadonlyMap<string, Float32Array>;
type Hold = 'copies' | 'given';

/** The values of the model's own constants; those that are made are made once, unless the result is to hold no copies. */
function merged({ lora }: TrainingForm, values: Values, hold: Hold): ReadonlyMap<string, NewValue> {
  if (!lora) return values;
  const all = mergeAdapters(lora, values);
  if (hold === 'given') return all;
  return new Map([...all].map(([name, value]) => [name, made(value)]));
}

const made = (value: NewValue): Float32Array => (typeof value === 'function' ? value() : value);

/**
 * The model under the names of its file and with the inputs, outputs and element types that it had, with trained values.
 * @param values by the names of the training form
 * @param hold as `exportInference`
 * @throws TrainingError `diverged` where the file's type cannot hold a trained number
 */
export function withTrained(form: TrainingForm, values: Values, hold: Hold = 'copies'): Model {
  const named = [...merged(form, values, hold)].map(([name, v]) => [ownName(name, form), v] as const);
  const plain = exportInference(form.separated, new Map(named.filter(([name]) => !form.stored.has(name))), hold);
  const { initializers } = plain.graph;
  const written = named.flatMap(([name, v]) => {
    const value = form.stored.get(name)?.write(made(v), initializers);
    return value ? [[name, { ...initializers.get(name)!, value }] as const] : [];
  });
  if (written.length === 0) return plain;
  return { ...plain, graph: { ...plain.graph, initializers: new Map([...initializers, ...written]) } };
}

/** The same function with the names, inputs and outputs of the run, and its element types. */
export function asEvaluated(form: TrainingForm, values: Values, hold: Hold = 'copies'): Model {
  return exportInference(form.lora?.plain ?? form.model, merged(form, values, hold), hold);
}

/** The name that a value of the training form has in the file. */
export function ownName(name: string, { renamed }: Pick<TrainingForm, 'renamed'>): string {
  for (const [own, inside] of renamed) if (inside === name) return own;
  return name;
}
