/** Rows of attention and what belongs to it: B batch, H heads, L queries, S keys, D head size. */
import { attrInt } from '../attributes.js';
import type { Dim } from '../ir.js';
import { divideDim, firstDim, productDim, sumDim } from './dims.js';
import type { NodeFacts, Row } from './facts.js';
import { tensorType } from './types.js';

interface Heads {
  batch: Dim;
  heads: Dim;
  length: Dim;
  size: Dim;
}

/** An input [B, H, L, D], or packed as [B, L, H * D] with the number of heads as an attribute. */
function headsOf(f: NodeFacts, input: number, attribute: string): Heads | null {
  const x = f.shape(input);
  if (!x) return null;
  if (x.length === 4) return { batch: x[0]!, heads: x[1]!, length: x[2]!, size: x[3]! };
  if (x.length !== 3) return f.fail(`input ${input} has rank ${x.length}, not 3 or 4`);
  const heads = attrInt(f.node, attribute);
  if (heads < 1) f.fail(`${attribute} is ${heads}`);
  const width = x[2]!;
  if (typeof width === 'number' && width % heads !== 0) f.fail(`${width} do not divide by ${heads} heads`);
  return { batch: x[0]!, heads, length: x[1]!, size: divideDim(width, heads) };
}

/**
 * Attention: Y like Q but with the head size of V; present key and value, which append to those of the past; the
 * products of queries and keys.
 */
export const attention: Row = (f) => {
  const [q, k, v] = [headsOf(f, 0, 'q_num_heads'), headsOf(f, 1, 'kv_num_heads'), headsOf(f, 2, 'kv_num_heads')];
  const dtype = f.dtype(0);
  const packed = f.shape(0)?.length === 3;
  const [heads, size] = [q?.heads ?? null, v?.size ?? null];
  const batch = firstDim(q?.batch, k?.batch, v?.batch);
  const length = q?.length ?? null;
  const y = packed ? [batch, length, productDim([heads, size])] : [batch, heads, length, size];
  const past = f.has(4) ? (f.shape(4)?.[2] ?? null) : 0;
  const keys = sumDim([past, firstDim(k?.length, v?.length)]);
  return [
    tensorType(dtype, f.shape(0) && y),
    tensorType(f.dtype(1), [batch, k?.heads ?? null, keys, k?.size ?? null]),
    tensorType(f.dtype(2), [batch, v?.heads ?? null, keys, v?.size ?? null]),
    tensorType(dtype, [batch, heads, length, keys]),
  ];
};

export const flexAttention: Row = (f) => {
  const [q, v] = [f.ranked(0, 4), f.ranked(2, 4)];
  return [tensorType(f.dtype(0), [firstDim(q[0], v[0]), q[1]!, q[2]!, v[3]!])];
};

/** LinearAttention: [B, T, Hq * Dv] and the state [B, Hkv, Dk, Dv]. */
export const linearAttention: Row = (f) => {
  const [q, k, v] = [f.ranked(0, 3), f.ranked(1, 3), f.ranked(2, 3)];
  const [heads, queries] = [attrInt(f.node, 'kv_num_heads'), attrInt(f.node, 'q_num_heads')];
  if (heads < 1 || queries < 1) f.fail(`${queries} query heads, ${heads} key and value heads`);
  const [keySize, size] = [firstDim(divideDim(k[2]!, heads), divideDim(q[2]!, queries)), divideDim(v[2]!, heads)];
  const batch = firstDim(q[0], k[0], v[0]);
  return [
    tensorType(f.dtype(0), [batch, firstDim(q[1], k[1], v[1]), productDim([size, queries])]),
    tensorType(f.has(3) ? f.dtype(3) : f.dtype(0), [batch, heads, keySize, size]),
  ];
};

/** CausalConvWithState: the state holds what a kernel of k looks back on, k - 1 positions. */
export const causalConv: Row = (f) => {
  const [x, w] = [f.ranked(0, 3), f.ranked(1, 3)];
  const back = sumDim([w[2]!, -1]);
  return [
    tensorType(f.dtype(0), [x[0]!, firstDim(x[1], w[0]), x[2]!]),
    tensorType(f.dtype(0), [x[0]!, firstDim(x[1], w[0]), typeof back === 'number' ? back : null]),
  ];
};
