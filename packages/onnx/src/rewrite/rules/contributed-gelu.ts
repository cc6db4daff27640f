import { attrString, float } from '../../attributes.js';
import { constantPattern, eitherWay, opPattern, valuePattern, type Match, type NodePattern } from '../pattern.js';
import { ACCEPT, decline, type Rule, type Verdict } from '../rewrite.js';
import { scalarOf, shapeOf } from './constants.js';
import { GELU_PARTS, GELU_SINCE, refuseGelu } from './gelu-from-parts.js';

const DOMAIN = 'com.microsoft';
const x = valuePattern('x');

/** Whether x is float32, which is all that ONNX Runtime has kernels for. */
function isFloat32(match: Match): boolean {
  const type = match.view.type(match.value('x'));
  return type?.kind === 'tensor' && type.dtype === 'float32';
}

const NOT_FLOAT32 = decline('x is not known to be float32');

/** Erf or Tanh with the arithmetic around it -> Gelu or FastGelu, below the operator set that has Gelu. */
const fromParts = (['none', 'tanh'] as const).flatMap((form) =>
  Object.entries(GELU_PARTS[form]).map(([spelling, pattern]): Rule => ({
    name: `contributed-gelu-${form === 'none' ? 'erf' : 'tanh'}${spelling}`,
    pattern,
    check(match) {
      if (match.view.opset >= GELU_SINCE) return decline('the default domain has Gelu');
      if (!isFloat32(match)) return NOT_FLOAT32;
      const refusal = refuseGelu(match);
      return refusal === null ? ACCEPT : decline(refusal);
    },
    rewrite: (match, builder) =>
      builder.node(form === 'none' ? 'Gelu' : 'FastGelu', [match.value('x')], {}, 1, { domain: DOMAIN }),
  })),
);

/** x * sigmoid(alpha * x) -> QuickGelu. */
const quickGelu = (name: string, gate: NodePattern): Rule => ({
  name,
  pattern: eitherWay('Mul', [x, gate], 'root'),
  check(match): Verdict {
    if (!isFloat32(match)) return NOT_FLOAT32;
    const outside = match.readElsewhere();
    if (outside) return decline(`a part of it (${outside.op}) is read elsewhere`);
    if (!match.has('alpha')) return ACCEPT;
    const rank = shapeOf(match.view, match.value('x'))?.length ?? 0;
    const alpha = scalarOf(match.view, match.value('alpha'));
    return alpha !== null && Number.isFinite(alpha) && match.constant('alpha').dims.length <= rank
      ? ACCEPT
      : decline('alpha is not one number');
  },
  rewrite(match, builder) {
    const alpha = match.has('alpha') ? scalarOf(match.view, match.value('alpha'))! : 1;
    return builder.node('QuickGelu', [match.value('x')], { alpha: float(alpha) }, 1, { domain: DOMAIN });
  },
});

const sum = eitherWay('Add', [x, constantPattern('bias')], 'sum');

/** What is added in front of a Gelu -> BiasGelu or FastGelu, which take it along. */
const biased = (name: string, pattern: NodePattern, tanh: (match: Match) => boolean): Rule => ({
  name,
  pattern,
  check(match) {
    if (match.root.inputs[1]) return decline('it has a bias');
    if (!isFloat32(match)) return NOT_FLOAT32;
    if (!match.isPrivate('sum')) return decline('the sum is read elsewhere');
    // ONNX Runtime makes a Gemm of a product and its bias, which is faster than a bias in the activation.
    if (match.view.producer(match.value('x'))?.op === 'MatMul') return decline('the bias is that of a product');
    const { dims } = match.constant('bias');
    return dims.length === 1 && shapeOf(match.view, match.value('x'))?.at(-1) === dims[0]
      ? ACCEPT
      : decline('what is added is not one number for each element of a row');
  },
  rewrite: (match, builder) =>
    builder.node(tanh(match) ? 'FastGelu' : 'BiasGelu', [match.value('x'), match.value('bias')], {}, 1, {
      domain: DOMAIN,
    }),
});

/** Activations as ONNX Runtime's own domain has them. */
export const contributedGelu: readonly Rule[] = [
  ...fromParts,
  quickGelu('quick-gelu', opPattern('Sigmoid', [x], 'gate')),
  quickGelu(
    'quick-gelu-scaled',
    opPattern('Sigmoid', [eitherWay('Mul', [x, constantPattern('alpha')], 'scaled')], 'gate'),
  ),
  biased(
    'bias-gelu',
    opPattern('Gelu', [sum], 'root'),
    ({ root }) => attrString(root, 'approximate', 'none') === 'tanh',
  ),
  biased('bias-contributed-gelu', opPattern('Gelu', [sum], 'root', DOMAIN), () => false),
  biased('bias-fast-gelu', opPattern('FastGelu', [sum], 'root', DOMAIN), () => true),
];
