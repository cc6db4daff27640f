/**
 * Rows of the attention operators of com.microsoft (onnxruntime, docs/ContribOperators.md and
 * core/graph/contrib_ops/bert_defs.cc): B batch, H heads, L queries, S keys, D head size.
 */
import { attrInt, attrInts } from '../attributes.js';
import type { Dim } from '../ir.js';
import { divideDim, firstDim, mapDim, productDim, sumDim, type Shape } from './dims.js';
import type { NodeFacts, Row } from './facts.js';
import { tensorType } from './types.js';

const heads = (f: NodeFacts, name = 'num_heads'): number => {
  const n = attrInt(f.node, name);
  return n >= 1 ? n : f.fail(`${name} is ${n}`);
};

/** Hidden sizes of Q, K and V, which one projection makes: all the same unless an attribute says otherwise. */
function hiddenSizes(f: NodeFacts): Shape {
  const given = attrInts(f.node, 'qkv_hidden_sizes', []);
  if (given.length > 0)
    return given.length === 3 ? given : f.fail(`qkv_hidden_sizes has ${given.length} entries, not 3`);
  const third = mapDim(firstDim(f.shape(1)?.[1], f.shape(2)?.[0]), (n) => n / 3);
  return [third, third, third];
}

/**
 * Attention and QAttention project their input themselves: [B, L, hidden of V], and keys and values seen so far as
 * [2, B, H, past + L, D].
 */
const projected =
  (type: number, past: number): Row =>
  (f) => {
    const [batch, length] = f.ranked(0, 3) as [Dim, Dim];
    const [q, , v] = hiddenSizes(f) as [Dim, Dim, Dim];
    const before = f.has(past) ? f.ranked(past, 5) : null;
    const shared = attrInt(f.node, 'past_present_share_buffer', 0) === 1;
    const size = firstDim(before?.[4], divideDim(q, heads(f)));
    const keys = shared ? (before?.[3] ?? null) : sumDim([before ? before[3]! : 0, length]);
    return [
      tensorType(f.dtype(type), [batch, length, v]),
      tensorType(f.dtype(type), [2, firstDim(before?.[1], batch), heads(f), keys, size]),
    ];
  };
export const fusedAttention = projected(0, 4);
export const qAttention = projected(3, 8);

/** PackedAttention: the tokens of all sequences one behind the other, [tokens, hidden]. */
export const packedAttention: Row = (f) => [tensorType(f.dtype(0), [f.ranked(0, 2)[0]!, hiddenSizes(f)[2]!])];

interface Parts {
  readonly batch: Dim;
  readonly length: Dim;
  readonly keys: Dim;
  /** The head size of keys, and that of values. */
  readonly size: Dim;
  readonly valueSize: Dim;
}

/**
 * What MultiHeadAttention is given: Q, K and V [B, L, H * D] each; K and V as [B, H, S, D]; K and V packed
 * [B, S, H, 2, D]; or all of them packed [B, L, H, 3, D].
 */
function partsOf(f: NodeFacts): Parts | null {
  const [q, k, v] = [f.shape(0), f.shape(1), f.shape(2)];
  const n = heads(f);
  if (!q) return null;
  if (q.length === 5) return { batch: q[0]!, length: q[1]!, keys: q[1]!, size: q[4]!, valueSize: q[4]! };
  if (q.length !== 3) return f.fail(`the query has rank ${q.length}, not 3 or 5`);
  const at = { batch: q[0]!, length: q[1]!, size: divideDim(q[2]!, n) };
  if (k?.length === 5) return { ...at, keys: k[1]!, valueSize: k[4]! };
  if (v?.length === 4) return { ...at, keys: v[2]!, valueSize: v[3]! };
  if (v?.length === 3) return { ...at, keys: firstDim(v[1], k?.[1]), valueSize: divideDim(v[2]!, n) };
  return null;
}

/**
 * Y [B, L, H * D of V]; keys and values seen so far [B, H, past + S, D]; the products of queries and keys.
 * @param past the input that holds the past keys, the past values behind it
 * @param shares whether present is written into the memory of past, and so is of its shape
 */
const multiHead =
  (past: number, shares: (f: NodeFacts) => boolean): Row =>
  (f) => {
    const dtype = f.dtype(0);
    const parts = partsOf(f);
    if (!parts) return [dtype, dtype, dtype, null].map((type) => tensorType(type, null));
    const n = heads(f);
    const before = f.has(past) ? f.ranked(past, 4) : null;
    const values = f.has(past + 1) ? f.ranked(past + 1, 4) : null;
    const total = before ? sumDim([before[2]!, parts.keys]) : parts.keys;
    const seen = (shape: Shape | null, size: Dim): Shape => {
      if (shape && shares(f)) return shape;
      return [parts.batch, n, total, firstDim(shape?.[3], size)];
    };
    return [
      tensorType(dtype, [parts.batch, parts.length, productDim([n, parts.valueSize])]),
      tensorType(dtype, seen(before, parts.size)),
      tensorType(dtype, seen(values, parts.valueSize)),
      // The products may be of another float type than the rest.
      tensorType(null, [parts.batch, n, parts.length, shares(f) ? null : total]),
    ];
  };
export const multiHeadAttention = multiHead(6, (f) => f.has(8));
export const decoderMaskedAttention = multiHead(5, (f) => attrInt(f.node, 'past_present_share_buffer', 0) === 1);

/**
 * GroupQueryAttention: Y [B, L, H * D]; keys and values [B, KV heads, max(past, total), D], where the total length is an
 * input. Without K and V the query has all three.
 */
export const groupQueryAttention: Row = (f) => {
  const q = f.ranked(0, 3);
  const [n, kv] = [heads(f), heads(f, 'kv_num_heads')];
  const size = divideDim(q[2]!, f.has(2) ? n : n + 2 * kv);
  const seen = (i: number): ReturnType<typeof tensorType> => {
    const past = f.has(i) ? f.ranked(i, 4) : null;
    const [before, total] = [past ? past[2]! : 0, f.scalar(6)];
    const grown = typeof before === 'number' && typeof total === 'number' ? Math.max(before, total) : null;
    const keys = attrInt(f.node, 'sliding_window_cache', 0) === 1 && past ? past[2]! : grown;
    return tensorType(past ? f.dtype(i) : f.dtype(0), [q[0]!, kv, keys, firstDim(past?.[3], size)]);
  };
  return [
    tensorType(f.dtype(0), [q[0]!, q[1]!, f.has(2) ? q[2]! : mapDim(size, (d) => d * n)]),
    seen(3),
    seen(4),
    tensorType(f.dtype(0), [q[0]!, n, q[1]!, f.scalar(6)]),
  ];
};
