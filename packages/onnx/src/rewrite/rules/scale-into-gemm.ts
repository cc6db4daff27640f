import { attrFloat, float } from '../../attributes.js';
import type { Node } from '../../ir.js';
import { constantPattern, opPattern, valuePattern, type Match, type NodePattern } from '../pattern.js';
import { ACCEPT, decline, type Rule, type Verdict } from '../rewrite.js';
import type { GraphView } from '../view.js';
import { scalarOf, shapeOf } from './constants.js';
import { MOVING } from './layout.js';

/** From the Gemm to a value: nodes that only move its elements, each read by the next alone. */
function chainFrom(value: string, view: GraphView): Node[] | null {
  const chain: Node[] = [];
  for (let name = value; ;) {
    const node = view.producer(name);
    if (node?.domain !== '' || view.isOutput(name) || view.users(name).length !== 1) return null;
    chain.unshift(node);
    if (node.op === 'Gemm') return chain;
    if (!MOVING.includes(node.op)) return null;
    name = node.inputs[0]!;
  }
}

/** The way from a Gemm to the product whose result is scaled, or to the scaled value itself. */
function scaled(match: Match): { chain: Node[]; operand: number } | null {
  const { view } = match;
  const name = match.value('x');
  const whole = chainFrom(name, view);
  if (whole) return { chain: whole, operand: -1 };
  const product = view.producer(name);
  if (product?.op !== 'MatMul' || product.domain !== '' || !match.isPrivateValue(name)) return null;
  for (const operand of [0, 1]) {
    const chain = chainFrom(product.inputs[operand]!, view);
    if (chain) return { chain, operand };
  }
  return null;
}

function check(match: Match): Verdict {
  const scale = scalarOf(match.view, match.value('scale'));
  const [rank, from] = [match.constant('scale').dims.length, shapeOf(match.view, match.value('x'))];
  if (scale === null || !Number.isFinite(scale) || !from || rank > from.length)
    return decline('it is no scale of float32');
  return scaled(match) ? ACCEPT : decline('no Gemm in front could take the scale');
}

const rule = (name: string, pattern: NodePattern): Rule => ({
  name,
  pattern,
  check,
  rewrite(match, builder) {
    const scale = scalarOf(match.view, match.value('scale'))!;
    const by = match.root.op === 'Div' ? 1 / scale : scale;
    const { chain, operand } = scaled(match)!;
    const made = chain.reduce((value, node) => {
      const attributes = Object.fromEntries(node.attributes);
      if (node.op !== 'Gemm') return builder.node(node.op, [value, ...node.inputs.slice(1)], attributes);
      const [alpha, beta] = [attrFloat(node, 'alpha', 1), attrFloat(node, 'beta', 1)];
      const factors = { alpha: float(alpha * by), ...(node.inputs[2] && { beta: float(beta * by) }) };
      return builder.node('Gemm', node.inputs, { ...attributes, ...factors }, 1, { name: node.name });
    }, '');
    if (operand < 0) return made;
    const product = match.view.producer(match.value('x'))!;
    return builder.node(
      'MatMul',
      product.inputs.map((name, i) => (i === operand ? made : name)),
    );
  },
});

const scale = constantPattern('scale');
const x = valuePattern('x');

/**
 * A scale behind a Gemm, or behind the product of what a Gemm gives, -> the factors alpha and beta of the Gemm: what it stores
 * stays as it is.
 */
export const scaleIntoGemm = [
  rule('scale-into-gemm', opPattern('Mul|Div', [x, scale], 'step')),
  rule('scale-into-gemm-left', opPattern('Mul', [scale, x], 'step')),
];
