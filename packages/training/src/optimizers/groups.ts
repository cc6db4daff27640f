/** Which learning rate factor and weight decay each parameter has. */
import { float32, type Model } from '@verge/onnx';
import { refuse } from '../errors.js';
import type { Layout, Parameter } from '../parameters.js';
import { matchesAny, unmatched } from '../patterns.js';
import type { Tape } from '../tape.js';
import { checkOptimizer } from './check.js';
import type { OptimizerSpec, ParameterGroup } from './spec.js';

/** The first group that names a parameter. */
export function groupOf(spec: OptimizerSpec, name: string): ParameterGroup | undefined {
  return spec.groups?.find((group) => matchesAny(group.match, name));
}

/**
 * Patterns of the optimiser that name nothing in the model, as problems.
 * @param added names that the run adds to those of the model
 */
export function lostPatterns(model: Model, optimizer: OptimizerSpec, added: readonly string[] = []): string[] {
  const patterns = [...(optimizer.decayExcluded ?? []), ...(optimizer.groups ?? []).flatMap((g) => g.match)];
  const lost = unmatched(patterns, [...model.graph.initializers.keys(), ...added]);
  return lost.map((pattern) => `no constant of the model is called '${pattern}'`);
}

/**
 * Which parameters move: those that the caller wants and no group freezes.
 * @throws TrainingError `bad-options` naming every setting out of range and every pattern that names nothing
 */
export function trainableBy(
  model: Model,
  options: { readonly optimizer: OptimizerSpec; readonly trainable?: (name: string) => boolean },
): (name: string) => boolean {
  const { optimizer, trainable = () => true } = options;
  refuse('bad-options', 'optimizer', [...checkOptimizer(optimizer), ...lostPatterns(model, optimizer)]);
  return (name) => trainable(name) && groupOf(optimizer, name)?.frozen !== true;
}

function decayOf(spec: OptimizerSpec, parameter: Parameter): number {
  const group = groupOf(spec, parameter.name);
  if (group?.weightDecay !== undefined) return group.weightDecay;
  const touched = parameter.role === 'weight' && !matchesAny(spec.decayExcluded ?? [], parameter.name);
  return touched ? (spec.weightDecay ?? 0) : 0;
}

/** A number for each parameter as a vector over all elements; a scalar where all are the same. */
function spread(t: Tape, layout: Layout, stem: string, of: (parameter: Parameter) => number): string {
  const values = layout.entries.map(of);
  if (values.every((v) => v === values[0])) return t.scalar(values[0] ?? 0);
  const data = new Float32Array(layout.size);
  layout.entries.forEach((e, i) => data.fill(values[i]!, e.offset, e.offset + e.size));
  return t.constant(float32([layout.size], data), stem);
}

/** Weight decay by element, or undefined where there is none. */
export function decayVector(t: Tape, layout: Layout, spec: OptimizerSpec): string | undefined {
  const none = layout.entries.every((e) => decayOf(spec, e) === 0);
  return none ? undefined : spread(t, layout, 'decay', (e) => decayOf(spec, e));
}

/** Learning rate factor by element, or undefined where all are 1. */
export function rateVector(t: Tape, layout: Layout, spec: OptimizerSpec): string | undefined {
  const factor = (e: Parameter): number => groupOf(spec, e.name)?.learningRateFactor ?? 1;
  return layout.entries.every((e) => factor(e) === 1) ? undefined : spread(t, layout, 'factor', factor);
}
