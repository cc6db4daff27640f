import { str } from '../../attributes.js';
import { constantPattern, either, eitherWay, opPattern, valuePattern, type Match, type Pattern } from '../pattern.js';
import { ACCEPT, decline, type Rule, type Verdict } from '../rewrite.js';
import { numberOf, shapeOf } from './constants.js';

const x = valuePattern('x');
const number = constantPattern;

/** erf(x / sqrt 2). */
const erf = opPattern(
  'Erf',
  [
    either(
      opPattern('Div', [x, number('sqrtTwo')], 'scaled'),
      eitherWay('Mul', [x, number('inverseSqrtTwo')], 'scaled'),
    ),
  ],
  'bent',
);

/** x cubed, and tanh(sqrt(2 / pi) * (x + 0.044715 x^3)), also with x and the factor taken out. */
const cube = either(
  opPattern('Pow', [x, number('three')], 'cube'),
  eitherWay('Mul', [eitherWay('Mul', [x, x], 'square'), x], 'cube'),
  eitherWay('Mul', [opPattern('Pow', [x, number('exponent')], 'square'), x], 'cube'),
);
const square = either(opPattern('Pow', [x, number('exponent')], 'square'), opPattern('Mul', [x, x], 'square'));
const cubic = either(
  eitherWay('Mul', [cube, number('small')], 'cubic'),
  eitherWay('Mul', [square, eitherWay('Mul', [x, number('small')], 'small-x')], 'cubic'),
);
const quadratic = either(
  eitherWay('Mul', [square, number('small')], 'quadratic'),
  eitherWay('Mul', [eitherWay('Mul', [x, number('small')], 'small-x'), x], 'quadratic'),
);
const onePlus = eitherWay('Add', [quadratic, number('plusOne')], 'one-plus');
const tanh = opPattern(
  'Tanh',
  [
    either(
      eitherWay('Mul', [eitherWay('Add', [x, cubic], 'inner'), number('steep')], 'scaled'),
      eitherWay('Mul', [eitherWay('Mul', [x, number('steep')], 'steep-x'), onePlus], 'scaled'),
      eitherWay('Mul', [eitherWay('Mul', [x, onePlus], 'inner'), number('steep')], 'scaled'),
    ),
  ],
  'bent',
);

/** x / 2 * (1 + bent), whichever product is taken first. */
function spellings(bent: Pattern): Readonly<Record<string, ReturnType<typeof opPattern>>> {
  const plus = eitherWay('Add', [bent, number('one')], 'plus');
  const halfOf = (value: Pattern): readonly Pattern[] => [
    eitherWay('Mul', [value, number('half')], 'halved'),
    opPattern('Div', [value, number('two')], 'halved'),
  ];
  const whole = eitherWay('Mul', [x, plus], 'product');
  const raised = eitherWay('Add', [either(...halfOf(bent)), number('offset')], 'plus');
  return {
    '': eitherWay('Mul', [whole, number('half')], 'root'),
    '-div': opPattern('Div', [whole, number('two')], 'root'),
    '-half': eitherWay('Mul', [x, either(...halfOf(plus), raised)], 'root'),
    '-half-x': eitherWay('Mul', [either(...halfOf(x)), plus], 'root'),
  };
}

const ROOT = Math.SQRT2;
const STEEP = Math.sqrt(2 / Math.PI);

/** What each constant of a spelling is, and how far what exporters wrote may be from it. */
const EXPECTED: Readonly<Record<string, readonly [value: number, within: number]>> = {
  sqrtTwo: [ROOT, 1e-5],
  inverseSqrtTwo: [1 / ROOT, 1e-5],
  steep: [STEEP, 1e-5],
  small: [0.044715, 1e-7],
  one: [1, 0],
  plusOne: [1, 0],
  half: [0.5, 0],
  offset: [0.5, 0],
  exponent: [2, 0],
  two: [2, 0],
  three: [3, 0],
};

/** Why a match is not x / 2 * (1 + bent), or null when it is. */
export function refuseGelu(match: Match): string | null {
  const { view } = match;
  const type = view.type(match.value('x'));
  if (type?.kind !== 'tensor' || !['float32', 'float64'].includes(type.dtype ?? ''))
    return 'x is not known to be float32 or float64';
  const outside = match.readElsewhere();
  if (outside) return `a part of it (${outside.op}) is read elsewhere`;
  const rank = shapeOf(view, match.value('x'))?.length ?? 0;
  for (const [as, [value, within]] of Object.entries(EXPECTED)) {
    if (!match.has(as)) continue;
    const found = match.constant(as).dims.length <= rank ? numberOf(match.constant(as)) : null;
    if (found === null || !(Math.abs(found - value) <= within))
      return `the constant ${match.value(as)} is not ${value}`;
  }
  return null;
}

/** Gelu is an operator from this set on. */
export const GELU_SINCE = 20;

function check(match: Match): Verdict {
  if (match.view.opset < GELU_SINCE) return decline(`operator set ${match.view.opset} has no Gelu`);
  const refusal = refuseGelu(match);
  return refusal === null ? ACCEPT : decline(refusal);
}

/** The patterns of the forms by erf and by tanh, by the names that rules have for them. */
export const GELU_PARTS = {
  none: spellings(erf),
  tanh: spellings(tanh),
} as const;

/** Erf or Tanh with the arithmetic around it -> Gelu. */
export const geluFromParts: readonly Rule[] = (['none', 'tanh'] as const).flatMap((form) =>
  Object.entries(GELU_PARTS[form]).map(([spelling, pattern]): Rule => ({
    name: `gelu-${form === 'none' ? 'erf' : 'tanh'}-from-parts${spelling}`,
    pattern,
    check,
    rewrite: (match, builder) =>
      builder.node('Gelu', [match.value('x')], form === 'none' ? {} : { approximate: str('tanh') }),
  })),
);
