/** Optimisers as graphs over one flat parameter vector. */
import { decayVector, rateVector } from './optimizers/groups.js';
import { adagrad, adam, adamw, lamb, rmsprop } from './optimizers/moments.js';
import type { OptimizerRow, Update, Updated } from './optimizers/row.js';
import { sgd } from './optimizers/sgd.js';
import type { OptimizerName, OptimizerSpec } from './optimizers/spec.js';
import type { Layout } from './parameters.js';
import type { Tape } from './tape.js';

export { trainableBy } from './optimizers/groups.js';
export { LEARNING_RATE, type Updated } from './optimizers/row.js';
export type { OptimizerName, OptimizerSpec, ParameterGroup } from './optimizers/spec.js';

const table: { readonly [N in OptimizerName]: OptimizerRow<N> } = { sgd, adam, adamw, rmsprop, adagrad, lamb };

function rowOf(spec: OptimizerSpec): OptimizerRow<OptimizerName> {
  return table[spec.name] as OptimizerRow<OptimizerName>;
}

/** State vectors that an optimiser keeps, each as long as the parameters. */
export function slotsOf(spec: OptimizerSpec): readonly string[] {
  return rowOf(spec).slots(spec);
}

/** What every element of the state vectors is at first. */
export function initialSlotValue(spec: OptimizerSpec): number {
  return rowOf(spec).initial?.(spec) ?? 0;
}

/** Scalar feeds of step `t`, counted from 1. */
export function scalarFeeds(spec: OptimizerSpec, learningRate: number, t: number): Record<string, number> {
  return rowOf(spec).scalars(spec, learningRate, t);
}

/** Names of the scalars that are fed with each step. */
export function scalarNames(spec: OptimizerSpec): readonly string[] {
  return Object.keys(scalarFeeds(spec, spec.learningRate, 1));
}

/** Whether each element's update depends on that element alone, so that any range of the vector can be updated alone. */
export function isElementwise(spec: OptimizerSpec): boolean {
  return spec.name !== 'lamb';
}

/**
 * Writes one update.
 * @param slots current state in the order of `slotsOf`
 */
export function writeUpdate(
  t: Tape,
  spec: OptimizerSpec,
  layout: Layout,
  parameters: string,
  gradient: string,
  slots: readonly string[],
): Updated {
  const factors = rateVector(t, layout, spec);
  const decay = decayVector(t, layout, spec);
  const update: Update = {
    t,
    layout,
    parameters,
    gradient,
    slots,
    decay,
    descend: (direction, rate) => {
      const own = factors === undefined ? direction : t.mul(direction, factors);
      return t.sub(parameters, t.mul(own, rate));
    },
  };
  return rowOf(spec).write(update, spec);
}
