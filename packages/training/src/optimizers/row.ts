/** What the table of optimisers knows about one of them. */
import type { Layout } from '../parameters.js';
import type { Tape } from '../tape.js';
import type { OptimizerName, OptimizerOf } from './spec.js';

/** One update on the tape: everything is a vector of the layout's size unless it says otherwise. */
export interface Update {
  readonly t: Tape;
  readonly layout: Layout;
  readonly parameters: string;
  readonly gradient: string;
  /** Current state in the order of the row's `slots`. */
  readonly slots: readonly string[];
  /** Weight decay by element; undefined where it is 0 throughout. */
  readonly decay: string | undefined;
  /** parameters - direction * the named scalar, each element's direction times the factor of its group. */
  descend(direction: string, rate: string): string;
}

export interface Updated {
  readonly parameters: string;
  readonly slots: readonly string[];
}

export interface OptimizerRow<N extends OptimizerName> {
  /** State vectors, each as long as the parameters. */
  slots(spec: OptimizerOf<N>): readonly string[];
  /** What the state vectors hold at first; 0 when absent. */
  initial?(spec: OptimizerOf<N>): number;
  /** Scalars that are fed with step `t`, counted from 1. */
  scalars(spec: OptimizerOf<N>, learningRate: number, t: number): Record<string, number>;
  write(u: Update, spec: OptimizerOf<N>): Updated;
}

export const LEARNING_RATE = 'step.learning_rate';

/** A scalar graph input. */
export function scalarInput(t: Tape, name: string): string {
  return t.declare(name, []);
}

/** gradient + decay * parameters: an L2 penalty. */
export function penalized({ t, decay, parameters, gradient }: Update): string {
  return decay === undefined ? gradient : t.add(gradient, t.mul(decay, parameters));
}
