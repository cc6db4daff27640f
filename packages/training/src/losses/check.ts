/** Settings of a loss that are out of range, in words. */
import { lossReads, type LossKind, type LossOf, type LossSpec } from './spec.js';

type Check<K extends LossKind> = (spec: LossOf<K>, say: (field: string, good: boolean, wanted: string) => void) => void;

const finite = (v: number | undefined): boolean => v === undefined || Number.isFinite(v);
const above = (v: number | undefined): boolean => v === undefined || (v > 0 && Number.isFinite(v));
const from = (v: number | undefined): boolean => v === undefined || (v >= 0 && Number.isFinite(v));
const share = (v: number | undefined): boolean => v === undefined || (v >= 0 && v <= 1);
const smoothing = (v: number | undefined): boolean => v === undefined || (v >= 0 && v < 1);
const factors = (v: readonly number[] | undefined): boolean => v === undefined || v.every((f) => from(f));

/** Whether a loss compares with labels or numbers, and with nothing else. */
const compares = (loss: LossSpec): boolean =>
  loss.kind !== 'sum' &&
  lossReads(loss).length > 0 &&
  !lossReads(loss).includes('teacher') &&
  loss.kind !== 'distillation';

const checks: { readonly [K in LossKind]?: Check<K> } = {
  'cross-entropy': (s, say) => {
    say('labelSmoothing', smoothing(s.labelSmoothing), 'a number from 0 to below 1');
    say('classWeights', factors(s.classWeights), 'numbers from 0');
  },
  distillation: (s, say) => {
    say('temperature', s.temperature > 0, 'a number above 0');
    say('alpha', share(s.alpha), 'a number from 0 to 1');
    say('labelSmoothing', smoothing(s.labelSmoothing), 'a number from 0 to below 1');
  },
  huber: (s, say) => say('delta', above(s.delta), 'a number above 0'),
  'binary-cross-entropy': (s, say) => say('positiveWeight', above(s.positiveWeight), 'a number above 0'),
  focal: (s, say) => {
    say('gamma', from(s.gamma), 'a number from 0');
    say('alpha', factors(s.alpha), 'numbers from 0');
  },
  'binary-focal': (s, say) => {
    say('gamma', from(s.gamma), 'a number from 0');
    say('alpha', share(s.alpha), 'a number from 0 to 1');
  },
  hinge: (s, say) => say('margin', from(s.margin), 'a number from 0'),
  triplet: (s, say) => say('margin', from(s.margin), 'a number from 0'),
  ctc: (s, say) => say('labels', Number.isInteger(s.labels) && s.labels >= 1, 'a whole number from 1'),
  sum: (s, say) => {
    say('terms', s.terms.length > 0, 'at least one');
    s.terms.forEach((term, i) => {
      say(`terms[${i}].weight`, finite(term.weight), 'a finite number');
      const named = term.target === undefined || (compares(term.loss) && /^[^.\s]+$/.test(term.target));
      say(`terms[${i}].target`, named, 'a name without dots, and a loss that compares with labels or numbers alone');
    });
  },
};

/** What is wrong with a loss's settings, each named by its field. */
export function checkLoss(spec: LossSpec): string[] {
  const problems: string[] = [];
  const check = checks[spec.kind] as Check<LossKind> | undefined;
  check?.(spec, (field, good, wanted) => {
    if (!good) problems.push(`${spec.kind}.${field}: expected ${wanted}`);
  });
  const inner = spec.kind === 'sum' ? spec.terms.flatMap((term) => checkLoss(term.loss)) : [];
  return [...problems, ...inner];
}
