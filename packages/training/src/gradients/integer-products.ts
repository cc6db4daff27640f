/**
 * What quantisers that find their scales while they run put in place of a product (ONNX operators): numbers are rounded to 8 bits
 * of their own range, multiplied as integers, and scaled back. Rounding passes the gradient straight through (arXiv 1308.3432).
 */
import { int, type Node } from '@verge/onnx';
import type { Tape } from '../tape.js';
import { conv } from './convolution.js';
import { given } from './fused-products.js';
import { matMul } from './linear.js';
import type { Entry, Row } from './row.js';

const FLOAT = 1;

/**
 * DynamicQuantizeLinear-11: y = x / scale + zero point, rounded. (y - zero point) * scale is x again, so what flows back by the scale
 * and what flows back by y through it cancel, and only y's own part is left.
 */
export const dynamicQuantizeLinear: Row = {
  vjp: (t, n, _dy, [dy]) => [() => (dy ? t.div(dy, n.outputs[1]!) : t.zeros(t.shape(n.inputs[0]!)))],
};

/** Integers less their zero point, as float32. */
function shifted(t: Tape, x: string, zero: string | undefined, row: boolean): string {
  const wide = t.emit('Cast', [x], t.shape(x), { to: int(FLOAT) });
  if (!zero) return wide;
  const shape = t.shape(zero);
  const level = t.emit('Cast', [zero], shape, { to: int(FLOAT) });
  // A zero point for each row of A lies along its rows, one for each column of B along its columns.
  return t.sub(wide, row && shape.length === 1 && shape[0] !== 1 ? t.reshape(level, [shape[0]!, 1]) : level);
}

/** The row of a product of floats on integers less their zero points; the integers carry a gradient as real numbers do. */
const product = (row: Row, operands: (t: Tape, node: Node) => readonly [string, string]): Row => ({
  vjp: (t, n, dy, dys) => row.vjp(t, { ...n, inputs: operands(t, n.node), saved: {} }, dy, dys),
});

/** MatMulInteger-10. */
export const matMulInteger = product(matMul, (t, node) => [
  shifted(t, node.inputs[0]!, given(node, 2), true),
  shifted(t, node.inputs[1]!, given(node, 3), false),
]);

/** ConvInteger-10. */
export const convInteger = product(conv, (t, node) => {
  const [w, zero] = [node.inputs[1]!, given(node, 3)];
  const each = zero && t.shape(zero).length === 1 && t.shape(zero)[0] !== 1;
  const wide = new Array<number>(t.shape(w).length - 1).fill(1);
  const placed = each ? t.reshape(zero, [t.shape(zero)[0]!, ...wide]) : zero;
  return [shifted(t, node.inputs[0]!, given(node, 2), false), shifted(t, w, placed, false)];
});

/** Operators through which sums of 32 bits pass their gradient on as it is. */
const PASSING: ReadonlySet<string> = new Set(['Add', 'Identity', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze']);

/** Values of 32 bits that carry a gradient: what integer products make, with what is added to it. Other integers carry none. */
export function integerSums(nodes: readonly Node[]): Set<string> {
  const found = new Set<string>();
  for (const { op, inputs, outputs } of nodes)
    if (op === 'MatMulInteger' || op === 'ConvInteger' || (PASSING.has(op) && inputs.some((i) => found.has(i))))
      found.add(outputs[0]!);
  return found;
}

/** Continues the table of gradients. */
export const integerRows: Readonly<Record<string, Entry>> = {
  ConvInteger: convInteger,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  MatMulInteger: matMulInteger,
};
