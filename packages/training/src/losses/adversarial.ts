/** What a generator and a discriminator minimise against each other. Logits are the discriminator's, [batch, 1]. */
import { derived, meanOf, type Term } from './row.js';
import type { Tape } from '../tape.js';

export type AdversarialSpec =
  /** Discriminator: -log p(real) - log(1 - p(fake)); generator: -log p(fake) (Goodfellow et al., arXiv:1406.2661). */
  | { readonly kind: 'non-saturating' }
  /** max(0, 1 - real) + max(0, 1 + fake); generator: -fake (Lim and Ye, arXiv:1705.02894). */
  | { readonly kind: 'hinge' }
  /**
   * fake - real + weight * (|gradient at a point between them| - 1)^2; generator: -fake (Gulrajani et al.,
   * arXiv:1704.00028). The discriminator should not normalise over the batch.
   */
  | { readonly kind: 'wasserstein'; readonly penaltyWeight?: number };

const negative = (t: Tape, x: string): string => t.unary('Neg', x);
const softplus = (t: Tape, x: string): string => meanOf(t, t.unary('Softplus', x));
const beyond = (t: Tape, x: string): string => meanOf(t, t.unary('Relu', t.add(x, t.scalar(1))));

const discriminators: Readonly<Record<AdversarialSpec['kind'], (t: Tape, real: string, fake: string) => string>> = {
  'non-saturating': (t, real, fake) => t.add(softplus(t, negative(t, real)), softplus(t, fake)),
  hinge: (t, real, fake) => t.add(beyond(t, negative(t, real)), beyond(t, fake)),
  wasserstein: (t, real, fake) => t.sub(meanOf(t, fake), meanOf(t, real)),
};

const generators: Readonly<Record<AdversarialSpec['kind'], (t: Tape, fake: string) => string>> = {
  'non-saturating': (t, fake) => softplus(t, negative(t, fake)),
  hinge: (t, fake) => negative(t, meanOf(t, fake)),
  wasserstein: (t, fake) => negative(t, meanOf(t, fake)),
};

/** Writes the discriminator's loss, for `wasserstein` without its penalty. */
export function writeDiscriminatorLoss(t: Tape, spec: AdversarialSpec, real: string, fake: string): Term {
  return derived(t, [real, fake], () => discriminators[spec.kind](t, real, fake));
}

/** Writes the generator's loss. */
export function writeGeneratorLoss(t: Tape, spec: AdversarialSpec, fake: string): Term {
  return derived(t, [fake], () => generators[spec.kind](t, fake));
}
