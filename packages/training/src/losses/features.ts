/** Losses between inner values of a student and of a teacher that runs in the same graph. */
import { TrainingError } from '../errors.js';
import type { Tape } from '../tape.js';
import { derived, elements, fused, meanOf, type LossRow } from './row.js';

function requireSameShape(kind: string, a: readonly number[], b: readonly number[]): void {
  if (a.join() === b.join()) return;
  const shapes = `[${a.join(', ')}] and [${b.join(', ')}]`;
  throw new TrainingError('bad-options', `${kind} compares values of one shape, not ${shapes}`);
}

export const hint: LossRow<'hint'> = {
  write(t, { kind, student, teacher }) {
    requireSameShape(kind, t.shape(student), t.shape(teacher));
    const d = t.sub(student, teacher);
    return fused(student, meanOf(t, t.mul(d, d)), t.scale(d, 2 / elements(t.shape(d))));
  },
};

/** Sums of squares over channels [batch, positions], each row of length 1. */
function attentionMap(t: Tape, x: string): string {
  const shape = t.shape(x);
  const energy = t.reshape(t.reduce('ReduceSum', t.mul(x, x), [1]), [shape[0]!, elements(shape.slice(2))]);
  const length = t.unary('Sqrt', t.add(t.reduce('ReduceSum', t.mul(energy, energy), [1]), t.scalar(1e-12)));
  return t.div(energy, length);
}

export const attention: LossRow<'attention'> = {
  write(t, { kind, student, teacher }) {
    const maps = [student, teacher].map((v) => [t.shape(v)[0]!, ...t.shape(v).slice(2)]);
    if (maps.some((m) => m.length < 2)) {
      throw new TrainingError('bad-options', `${kind} compares values [batch, channels, ...positions]`);
    }
    requireSameShape(kind, maps[0]!, maps[1]!);
    return derived(t, [student], () => {
      const d = t.sub(attentionMap(t, student), attentionMap(t, teacher));
      return meanOf(t, t.mul(d, d));
    });
  },
};
