/**
 * Multiply-accumulates of attention. Every query meets every key once for the scores, D of the query each, and once for the
 * weighted sum, D of the value each; so keys times (elements of the queries + elements of the result). A mask, also a causal
 * one, leaves nothing out.
 */
import { attrInt, attrInts } from '../attributes.js';
import type { Node } from '../ir.js';
import { elementCount } from '../tensor.js';
import type { Shapes } from './bytes.js';

type MacRule = (node: Node, shape: Shapes) => number | null;

const given = (node: Node, i: number): boolean => (node.inputs[i] ?? '') !== '';

/** `past` values in front of `own` keys; null where there are some, but it is not known how many. */
function keys(node: Node, shape: Shapes, past: number, axis: number, own: number | null): number | null {
  if (!given(node, past)) return own;
  const before = shape(node.inputs[past])?.[axis];
  return before === undefined || own === null ? null : before + own;
}

/** Attention of ONNX, on [B, H, L, D] or [B, L, H * D]. */
const attention: MacRule = (node, shape) => {
  const [q, k, y] = [shape(node.inputs[0]), shape(node.inputs[1]), shape(node.outputs[0])];
  const seen = keys(node, shape, 4, 2, k?.at(-2) ?? null);
  return q && y && seen !== null ? seen * (elementCount(q) + elementCount(y)) : null;
};

/** Attention of com.microsoft, which makes Q, K and V out of its input with one weight [in, Q + K + V]. */
const projected =
  (past: number): MacRule =>
  (node, shape) => {
    const [x, w, y] = [shape(node.inputs[0]), shape(node.inputs[1]), shape(node.outputs[0])];
    if (!x || !w || !y) return null;
    const shared = given(node, past) && attrInt(node, 'past_present_share_buffer', 0) === 1;
    const seen = shared ? null : keys(node, shape, past, 3, x[1]!);
    const hidden = attrInts(node, 'qkv_hidden_sizes', [])[0] ?? w[1]! / 3;
    const projection = elementCount(x) * w[1]!;
    return seen === null ? null : projection + seen * (x[0]! * x[1]! * hidden + elementCount(y));
  };

/** MultiHeadAttention; K is [B, S, H * D], [B, H, S, D] or, with V, [B, S, H, 2, D]; Q may hold all three. */
const multiHead =
  (past: number, shares: (node: Node) => boolean): MacRule =>
  (node, shape) => {
    const [q, k, y] = [shape(node.inputs[0]), shape(node.inputs[1]), shape(node.outputs[0])];
    if (!q || !y || shares(node)) return null;
    const packed = q.length === 5;
    const own = packed ? q[1]! : (k?.[k.length === 4 ? 2 : 1] ?? null);
    const seen = keys(node, shape, past, 2, own);
    return seen === null ? null : seen * (elementCount(q) / (packed ? 3 : 1) + elementCount(y));
  };

/** GroupQueryAttention: how many keys there are is an input; the result is of the shape of the queries. */
const groupQuery: MacRule = (node, shape) => {
  const [y, present] = [shape(node.outputs[0]), shape(node.outputs[1])];
  return y && present ? present[2]! * 2 * elementCount(y) : null;
};

export const ATTENTION_MACS: Readonly<Record<string, MacRule>> = {
  Attention: attention,
  'ai.onnx.preview.FlexAttention': attention,
  'com.microsoft.Attention': projected(4),
  'com.microsoft.QAttention': projected(8),
  'com.microsoft.MultiHeadAttention': multiHead(6, (node) => given(node, 8)),
  'com.microsoft.DecoderMaskedMultiHeadAttention': multiHead(
    5,
    (node) => attrInt(node, 'past_present_share_buffer', 0) === 1,
  ),
  'com.microsoft.GroupQueryAttention': groupQuery,
};
