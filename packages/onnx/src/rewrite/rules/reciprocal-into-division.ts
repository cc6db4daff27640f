import { constantPattern, opPattern, valuePattern, type Match, type NodePattern } from '../pattern.js';
import { ACCEPT, decline, type Rule, type Verdict } from '../rewrite.js';
import { everyElementIs, shapeOf } from './constants.js';

/** Halves are left: one rounding more or less shows in them. */
const FLOATS = ['float32', 'float64'];

function check(match: Match): Verdict {
  const { view } = match;
  if (!match.isPrivate('inverse')) return decline('the reciprocal is read elsewhere');
  const type = view.type(match.value('divisor'));
  if (type?.kind !== 'tensor' || !FLOATS.includes(type.dtype ?? ''))
    return decline('the divisor is not known to be of float32 or float64');
  if (match.node('inverse').op === 'Reciprocal') return ACCEPT;
  const one = match.constant('one');
  const narrow = one.dims.length <= (shapeOf(view, match.value('divisor'))?.length ?? 0) && one.data.length === 1;
  return narrow && everyElementIs(one, 1) ? ACCEPT : decline('the dividend is not 1');
}

const inverses: Readonly<Record<string, NodePattern>> = {
  reciprocal: opPattern('Reciprocal', [valuePattern('divisor')], 'inverse'),
  quotient: opPattern('Div', [constantPattern('one'), valuePattern('divisor')], 'inverse'),
};

/** x * Reciprocal(y) and x * (1 / y), either way round -> x / y. */
export const reciprocalIntoDivision: readonly Rule[] = Object.entries(inverses).flatMap(([name, inverse]) =>
  [
    [`${name}-into-division`, [valuePattern('x'), inverse]] as const,
    [`${name}-into-division-left`, [inverse, valuePattern('x')]] as const,
  ].map(([rule, operands]): Rule => ({
    name: rule,
    pattern: opPattern('Mul', operands, 'product'),
    check,
    rewrite: (match, builder) => builder.node('Div', [match.value('x'), match.value('divisor')]),
  })),
);
