/** Losses of an output against a target of the same shape, element by element. */
import type { Tape } from '../tape.js';
import { derived, elements, fused, meanOf, type LossRow } from './row.js';
import { TARGET } from './spec.js';

/** output - target */
function difference(t: Tape, output: string): string {
  return t.sub(output, t.input(TARGET, t.shape(output)));
}

export const mse: LossRow<'mse'> = {
  write(t, _spec, output) {
    const d = difference(t, output);
    return fused(output, meanOf(t, t.mul(d, d)), t.scale(d, 2 / elements(t.shape(output))));
  },
};

export const mae: LossRow<'mae'> = {
  write(t, _spec, output) {
    const d = difference(t, output);
    const gradient = t.scale(t.unary('Sign', d), 1 / elements(t.shape(output)));
    return fused(output, meanOf(t, t.unary('Abs', d)), gradient);
  },
};

/** With c = d clipped to [-delta, delta] the loss is c * (d - c / 2) on both sides of the kink, and its slope is c. */
export const huber: LossRow<'huber'> = {
  write(t, spec, output) {
    const d = difference(t, output);
    const delta = spec.delta ?? 1;
    const c = t.emit('Clip', [d, t.scalar(-delta), t.scalar(delta)], t.shape(d));
    return fused(output, meanOf(t, t.mul(c, t.sub(d, t.scale(c, 0.5)))), t.scale(c, 1 / elements(t.shape(d))));
  },
};

/** (1 - y) * z + (1 + (w - 1) * y) * softplus(-z), which neither overflows nor takes the logarithm of 0. */
export const binaryCrossEntropy: LossRow<'binary-cross-entropy'> = {
  write(t, spec, output) {
    const y = t.input(TARGET, t.shape(output));
    const weight = spec.positiveWeight ?? 1;
    if (weight === 1) {
      const value = meanOf(t, t.sub(t.unary('Softplus', output), t.mul(y, output)));
      const gradient = t.scale(t.sub(t.unary('Sigmoid', output), y), 1 / elements(t.shape(output)));
      return fused(output, value, gradient);
    }
    const factor = t.add(t.scale(y, weight - 1), t.scalar(1));
    return derived(t, [output], () => {
      const miss = t.mul(factor, t.unary('Softplus', t.unary('Neg', output)));
      return meanOf(t, t.add(t.mul(t.sub(t.scalar(1), y), output), miss));
    });
  },
};

/** With s = z for ones and -z for zeros: p_t = sigmoid(s), so (1 - p_t)^gamma = exp(-gamma * softplus(s)). */
export const binaryFocal: LossRow<'binary-focal'> = {
  write(t, spec, output) {
    const y = t.input(TARGET, t.shape(output));
    const gamma = spec.gamma ?? 2;
    const sign = t.sub(t.scale(y, 2), t.scalar(1));
    return derived(t, [output], () => {
      const s = t.mul(sign, output);
      const entropy = t.unary('Softplus', t.unary('Neg', s));
      let terms = t.mul(t.unary('Exp', t.scale(t.unary('Softplus', s), -gamma)), entropy);
      if (spec.alpha !== undefined) {
        terms = t.mul(terms, t.add(t.scale(y, 2 * spec.alpha - 1), t.scalar(1 - spec.alpha)));
      }
      return meanOf(t, terms);
    });
  },
};
