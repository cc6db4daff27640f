import { constantPattern, opPattern, valuePattern, type Match, type NodePattern } from '../pattern.js';
import { ACCEPT, decline, type Rule, type Verdict } from '../rewrite.js';
import { shapeOf } from './constants.js';

function check(match: Match): Verdict {
  const { view } = match;
  const [a, b] = [shapeOf(view, match.value('a')), shapeOf(view, match.value('b'))];
  if (a?.length !== 2 || b?.length !== 2) return decline('the operands are not known to be matrices');
  // Gemm-7 broadcasts its third input; before, an attribute said whether it may.
  if (view.opset < 7) return decline('Gemm does not broadcast before operator set 7');
  if (!match.isPrivate('product')) return decline('the product is read elsewhere');
  const bias = match.constant('bias');
  if (!['float16', 'float32', 'float64'].includes(bias.dtype)) return decline('the bias is no float constant');
  const columns = b[1];
  const width = bias.dims.at(-1);
  return bias.dims.length <= 2 && bias.dims.slice(0, -1).every((d) => d === 1) && (width === columns || width === 1)
    ? ACCEPT
    : decline('the bias is not one row');
}

const product = opPattern('MatMul', [valuePattern('a'), valuePattern('b')], 'product');
const bias = constantPattern('bias');
const rule = (name: string, pattern: NodePattern): Rule => ({
  name,
  pattern,
  check,
  rewrite: (match, builder) =>
    builder.node(
      'Gemm',
      ['a', 'b', 'bias'].map((name) => match.value(name)),
    ),
});

/** MatMul of two matrices, then Add of a constant row -> Gemm. */
export const matMulAddIntoGemm = [
  rule('matmul-add-into-gemm', opPattern('Add', [product, bias], 'sum')),
  rule('matmul-add-into-gemm-left', opPattern('Add', [bias, product], 'sum')),
];
