/** The table of losses, total over `LossKind`. */
import type { Tape } from '../tape.js';
import { ctc } from './ctc.js';
import { binaryCrossEntropy, binaryFocal, huber, mae, mse } from './elementwise.js';
import { attention, hint } from './features.js';
import { cosine, hinge, triplet } from './margins.js';
import type { LossRow, Term } from './row.js';
import { crossEntropy, distillation, focal } from './softmax.js';
import type { LossKind, LossOf, LossSpec } from './spec.js';

const sum: LossRow<'sum'> = {
  write(t, spec, output) {
    const gradients = new Map<string, string>();
    let value: string | undefined;
    for (const { weight, loss, of, target } of spec.terms) {
      const term = t.suffixed(target, () => writeTerm(t, loss, of ?? output));
      const part = t.scale(term.value, weight);
      value = value === undefined ? part : t.add(value, part);
      for (const [name, gradient] of term.gradients) {
        const more = t.scale(gradient, weight);
        const before = gradients.get(name);
        gradients.set(name, before === undefined ? more : t.add(before, more));
      }
    }
    return { value: value ?? t.scalar(0), gradients };
  },
};

const table: { readonly [K in LossKind]: LossRow<K> } = {
  'cross-entropy': crossEntropy,
  distillation,
  mse,
  mae,
  huber,
  'binary-cross-entropy': binaryCrossEntropy,
  focal,
  'binary-focal': binaryFocal,
  hinge,
  cosine,
  triplet,
  ctc,
  hint,
  attention,
  sum,
};

function rowOf<K extends LossKind>(kind: K): LossRow<K> {
  return table[kind];
}

/** Writes one loss of a value. */
export function writeTerm<K extends LossKind>(t: Tape, spec: LossSpec & LossOf<K>, output: string): Term {
  return rowOf<K>(spec.kind as K).write(t, spec, output);
}
