/** Which layers keep what they have learnt, and which start again. */
import { float32, type Model } from '@verge/onnx';
import { refuse } from '../errors.js';
import { findParameters, findStatistics } from '../parameters.js';
import { matchesAny, unmatched } from '../patterns.js';
import { separateParameters } from './form.js';
import { initialValues } from './initial.js';

function refuseUnmatched(patterns: readonly string[], names: readonly string[]): void {
  refuse(
    'bad-options',
    'transfer',
    unmatched(patterns, names).map((pattern) => `no parameter is called '${pattern}'`),
  );
}

/**
 * The `trainable` option of a run in which the named parameters stay as they are.
 * @param patterns names; `*` stands for any run of characters
 * @throws TrainingError `bad-options` naming every pattern that fits no parameter, and when nothing is left to train
 */
export function freeze(given: Model, patterns: readonly string[]): (name: string) => boolean {
  const { model } = separateParameters(given);
  const names = [...findParameters(model.graph).keys()];
  refuseUnmatched(patterns, names);
  const left = names.filter((name) => !matchesAny(patterns, name));
  refuse('bad-options', 'transfer', left.length === 0 ? ['every parameter is frozen'] : []);
  return (name) => !matchesAny(patterns, name);
}

/** Means 0 and variances 1 for the normalisations whose scale or shift is among the names. */
function freshStatistics(model: Model, names: ReadonlySet<string>): Map<string, number> {
  const running = new Set(findStatistics(model.graph));
  const fresh = new Map<string, number>();
  for (const node of model.graph.nodes) {
    if (node.op !== 'BatchNormalization' || !node.inputs.slice(1, 3).some((i) => names.has(i))) continue;
    node.inputs.slice(3, 5).forEach((name, i) => running.has(name) && fresh.set(name, i));
  }
  return fresh;
}

/**
 * The model with new initial values for the named parameters: Glorot's uniform ones for weights, 1 for scales, 0 for biases
 * and shifts. A normalisation that is named also gets fresh running statistics.
 * @param patterns names; `*` stands for any run of characters
 * @throws TrainingError `bad-options` naming every pattern that fits no parameter
 */
export function reinitialise(given: Model, patterns: readonly string[], seed = 1): Model {
  const { model } = separateParameters(given);
  const roles = findParameters(model.graph);
  refuseUnmatched(patterns, [...roles.keys()]);
  const initializers = new Map(model.graph.initializers);
  const chosen = new Set([...roles.keys()].filter((name) => matchesAny(patterns, name)));
  for (const name of chosen) {
    const stored = initializers.get(name)!;
    const reader = model.graph.nodes.find((n) => n.inputs.includes(name))!;
    const { dims } = stored.value;
    const values = initialValues(reader, name, roles.get(name)!, dims, seed);
    initializers.set(name, { ...stored, value: float32(dims, values) });
  }
  for (const [name, value] of freshStatistics(model, chosen)) {
    const stored = initializers.get(name)!;
    const { dims } = stored.value;
    const size = dims.reduce((a, b) => a * b, 1);
    initializers.set(name, { ...stored, value: float32(dims, new Float32Array(size).fill(value)) });
  }
  return { ...model, graph: { ...model.graph, initializers } };
}
