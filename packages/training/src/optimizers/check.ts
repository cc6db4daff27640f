/** Settings of an optimiser that are out of range, in words. */
import type { OptimizerSpec } from './spec.js';

type Test = (value: number) => boolean;

const below1: readonly [Test, string] = [(v) => v >= 0 && v < 1, 'a number from 0 to below 1'];
const from0: readonly [Test, string] = [(v) => v >= 0 && Number.isFinite(v), 'a number from 0'];
const above0: readonly [Test, string] = [(v) => v > 0 && Number.isFinite(v), 'a number above 0'];

const ranges: Readonly<Record<string, readonly [Test, string]>> = {
  learningRate: above0,
  weightDecay: from0,
  momentum: below1,
  dampening: [(v) => v >= 0 && v <= 1, 'a number from 0 to 1'],
  beta1: below1,
  beta2: below1,
  alpha: below1,
  epsilon: above0,
  lrDecay: from0,
  initialAccumulator: from0,
  learningRateFactor: from0,
};

function outOfRange(where: string, settings: object): string[] {
  return Object.entries(settings).flatMap(([field, value]: [string, unknown]) => {
    const range = ranges[field];
    if (!range || value === undefined || (typeof value === 'number' && range[0](value))) return [];
    return [`${where}${field}: expected ${range[1]}, not ${String(value)}`];
  });
}

/** What is wrong with an optimiser's settings, each named by its field. */
export function checkOptimizer(spec: OptimizerSpec): string[] {
  const problems = outOfRange('', spec);
  (spec.groups ?? []).forEach((group, i) => problems.push(...outOfRange(`groups[${i}].`, group)));
  if (spec.name === 'sgd' && spec.nesterov && (spec.momentum === 0 || spec.dampening)) {
    problems.push('nesterov: it needs momentum, and no dampening');
  }
  return problems;
}
