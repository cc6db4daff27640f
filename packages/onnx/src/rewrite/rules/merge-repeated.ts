import { opPattern, valuePattern } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';

/** f(f(x)) = f(x), for every number, infinity and NaN. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['Relu', 'Abs', 'Ceil', 'Floor', 'Round', 'Sign']);
/** f(f(x)) = x. */
const INVOLUTION: ReadonlySet<string> = new Set(['Neg', 'Not']);

const ops = [...IDEMPOTENT, ...INVOLUTION].join('|');

/** Relu(Relu(x)) -> Relu(x) and the like; Neg(Neg(x)) -> x. */
export const mergeRepeated: Rule = {
  name: 'merge-repeated',
  pattern: opPattern(ops, [opPattern(ops, [valuePattern('x')], 'first')], 'second'),
  check: (match) =>
    match.node('first').op === match.node('second').op ? ACCEPT : decline('the operators are different'),
  rewrite: (match) => (INVOLUTION.has(match.root.op) ? match.value('x') : match.node('first').outputs[0]!),
};
