/** Losses: value and gradient by what the network computes are written together. */
import { refuse } from './errors.js';
import { checkLoss } from './losses/check.js';
import { lossInputs, valuesRead, type LossSpec } from './losses/spec.js';
import { writeTerm } from './losses/table.js';
import type { Tape } from './tape.js';

export {
  LABELS,
  TARGET,
  targetOf,
  TEACHER_LOGITS,
  lossReads,
  valuesRead,
  type LossInput,
  type LossKind,
  type LossSpec,
  type LossTerm,
} from './losses/spec.js';

export interface WrittenLoss {
  /** Scalar value. */
  readonly value: string;
  /** Gradient of the loss by each value of the network that it reads: where differentiation starts. */
  readonly gradients: ReadonlyMap<string, string>;
  /** Graph inputs that it reads besides the network's own. */
  readonly inputs: readonly string[];
}

/**
 * Writes the loss of a network's output.
 * @param output logits [batch, classes] for the classification losses, what `LossSpec` says for the others
 * @throws TrainingError `bad-options` naming every bad setting and every value that the graph lacks, `bad-model` when the
 *   output has another rank
 */
export function writeLoss(t: Tape, spec: LossSpec, output: string): WrittenLoss {
  const missing = valuesRead(spec).filter((name) => !t.shapes.has(name));
  refuse('bad-options', 'loss', [
    ...checkLoss(spec),
    ...missing.map((name) => `the graph has no value '${name}' of known shape`),
  ]);
  return { ...writeTerm(t, spec, output), inputs: lossInputs(spec) };
}
