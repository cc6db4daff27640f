import { constantPattern, opPattern, valuePattern, type Match, type NodePattern } from '../pattern.js';
import { ACCEPT, decline, type Rule, type Verdict } from '../rewrite.js';
import { everyElementIs, sameShape } from './constants.js';
import { hasZero, signOfZeroIsLost } from './signed-zero.js';

/** What leaves the other operand as it is. x + 0 and x - -0 turn -0 into 0, which is the same number, but 1 / x is not. */
const NEUTRAL: Readonly<Record<string, 0 | 1>> = { Add: 0, Sub: 0, Mul: 1, Div: 1, Pow: 1 };

function check(match: Match): Verdict {
  if (!everyElementIs(match.constant('constant'), NEUTRAL[match.root.op]!)) {
    return decline('the constant changes the value');
  }
  const constant = match.constant('constant');
  const { op, outputs } = match.root;
  const turnsZero = (op === 'Add' && hasZero(constant, false)) || (op === 'Sub' && hasZero(constant, true));
  if (turnsZero && !signOfZeroIsLost(match.view, outputs[0]!)) {
    return decline('it turns -0 into 0, and what follows may tell the two apart');
  }
  const shape = match.shape(match.value('x'));
  const narrow = constant.data.length === 1 && constant.dims.length <= (shape?.length ?? 0);
  return narrow || sameShape(shape, match.shape(match.root.outputs[0]!))
    ? ACCEPT
    : decline('the constant may broadcast the value');
}

const rule = (name: string, pattern: NodePattern): Rule => ({
  name,
  pattern,
  check,
  rewrite: (match) => match.value('x'),
});

/** x + 0, x - 0, x * 1, x / 1, x ^ 1, and the sums and products the other way round -> x. */
export const removeNeutral = [
  rule('remove-neutral', opPattern('Add|Sub|Mul|Div|Pow', [valuePattern('x'), constantPattern('constant')], 'step')),
  rule('remove-neutral-left', opPattern('Add|Mul', [constantPattern('constant'), valuePattern('x')], 'step')),
];
