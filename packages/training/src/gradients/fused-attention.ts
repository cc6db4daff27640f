/**
 * Attention and MultiHeadAttention of domain com.microsoft (ONNX Runtime, docs/ContribOperators.md) as the Attention of the default
 * domain behind their projections and masks: B batch, H heads, L queries, S keys, P keys that were seen before, D head size.
 */
import { attrFloat, attrInt, attrInts, float, float32, int64, type Node, type Tensor } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import type { Tape } from '../tape.js';
import { EXCLUDED, splitHeads } from './attention.js';
import { given, publish } from './fused-products.js';
import type { Composite } from './row.js';

const slicedAt = (t: Tape, x: string, axis: number, from: number, to: number): string =>
  t.slice(x, [axis], [from], [to], [1]);

/** What is added to scores that a mask leaves out: a finite number, so a query that may see nothing sees all alike. */
const excluded = (node: Node): number => attrFloat(node, 'mask_filter_value', -10000);

const refuseMask = (node: Node, shape: readonly number[]): never => {
  throw new TrainingError(
    'no-gradient',
    `node '${node.name || node.outputs[0]}' (com.microsoft.${node.op}): no rule for a mask of [${shape.join(', ')}]`,
  );
};

/** 0 where a key may be seen, the number for exclusion where not. */
const added = (t: Tape, node: Node, seen: string): string => t.where(seen, t.scalar(0), t.scalar(excluded(node)));

/**
 * A mask of int32 as what is added to the scores [B, H, L, keys]: [B, keys] or [B, L, keys] of 0 and 1, lengths [B], or ends and then
 * beginnings [2 * B].
 */
function maskOf(t: Tape, node: Node, mask: string, batch: number, keys: number): string {
  const shape = t.shape(mask);
  const int32 = (dims: readonly number[], values: readonly number[]): string => {
    const value: Tensor = { dtype: 'int32', dims, data: Int32Array.from(values) };
    return t.constant(value, 'integers', `i32:${dims.join()}:${values.join()}`);
  };
  if (shape.length === 1) {
    const places = int32(
      [1, 1, 1, keys],
      Array.from({ length: keys }, (_, i) => i),
    );
    const part = (from: number): string => t.reshape(slicedAt(t, mask, 0, from, from + batch), [batch, 1, 1, 1]);
    const ends = t.compare('Less', places, part(0));
    if (shape[0] === batch) return added(t, node, ends);
    if (shape[0] !== 2 * batch) refuseMask(node, shape);
    return added(t, node, t.compare('And', ends, t.compare('GreaterOrEqual', places, part(batch))));
  }
  if (shape.length > 3 || shape.at(-1) !== keys) refuseMask(node, shape);
  const seen = t.compare('Greater', mask, int32([], [0]));
  return t.reshape(added(t, node, seen), [shape[0]!, 1, shape.length === 3 ? shape[1]! : 1, keys]);
}

/** Later keys than the query itself are left out for good, also where a mask leaves nothing else. */
function causal(t: Tape, queries: number, keys: number): string {
  const past = keys - queries;
  const values = Array.from({ length: queries * keys }, (_, i) =>
    i % keys > past + Math.floor(i / keys) ? EXCLUDED : 0,
  );
  return t.constant(float32([1, 1, queries, keys], values), 'causal');
}

interface Heads {
  /** [B, H, L, D]. */
  readonly q: string;
  /** [B, H, P + S, D], and of the values' size. */
  readonly k: string;
  readonly v: string;
  readonly mask: string | undefined;
  /** What is added to the scores as it is. */
  readonly bias: string | undefined;
}

/** Writes the attention of heads that lie apart; the result has them joined, [B, L, H * D]. */
function attend(t: Tape, node: Node, { q, k, v, mask, bias }: Heads): void {
  const [batch, heads, queries] = t.shape(q) as [number, number, number];
  const [keys, size] = [t.shape(k)[2]!, t.shape(v)[3]!];
  const parts = [
    ...(mask ? [maskOf(t, node, mask, batch, keys)] : []),
    ...(attrInt(node, 'unidirectional', 0) === 1 ? [causal(t, queries, keys)] : []),
    ...(bias ? [bias] : []),
  ];
  const sum = parts.length > 0 ? parts.reduce((a, b) => t.add(a, b)) : undefined;
  const given = attrFloat(node, 'scale', 0);
  const y = t.emit(
    'Attention',
    sum ? [q, k, v, sum] : [q, k, v],
    [batch, heads, queries, size],
    given === 0 ? {} : { scale: float(given) },
  );
  publish(t, t.reshape(t.transpose(y, [0, 2, 1, 3]), [batch, queries, heads * size]), node.outputs[0]);
}

const refusals =
  (names: Readonly<Record<string, string>>, inputs: Readonly<Record<number, string>>) =>
  (node: Node): string | undefined => {
    const attribute = Object.keys(names).find((name) => attrInt(node, name, 0) !== 0);
    const input = Object.keys(inputs).find((i) => given(node, Number(i)));
    return (attribute && names[attribute]) ?? (input && inputs[Number(input)]);
  };

/** Attention projects its input to queries, keys and values by one weight [hidden, q + k + v]. */
export const fusedAttention: Composite = {
  unsupported: refusals(
    { do_rotary: 'rotary embeddings inside it', past_present_share_buffer: 'past and present share memory' },
    { 6: 'past and present share memory' },
  ),
  decompose(t, node) {
    const [x, w] = [node.inputs[0]!, node.inputs[1]!];
    const heads = attrInt(node, 'num_heads');
    const [bias, mask, past] = [given(node, 2), given(node, 3), given(node, 4)];
    const width = t.shape(w)[1]!;
    const projected = t.matmul(x, w);
    const whole = bias ? t.add(projected, bias) : projected;
    const third = width / 3;
    const sizes = attrInts(node, 'qkv_hidden_sizes', [third, third, third]);
    const begin = [0, sizes[0]!, sizes[0]! + sizes[1]!];
    const [q, k, v] = begin.map((from, i) => splitHeads(t, slicedAt(t, whole, 2, from, from + sizes[i]!), heads)) as [
      string,
      string,
      string,
    ];
    const seen = (i: number, now: string): string => {
      if (!past) return now;
      const shape = t.shape(past).slice(1);
      return t.concat([t.reshape(slicedAt(t, past, 0, i, i + 1), shape), now], 2);
    };
    const [keys, values] = [seen(0, k), seen(1, v)];
    if (node.outputs[1]) {
      const first = (name: string): string => t.reshape(name, [1, ...t.shape(name)]);
      publish(t, t.concat([first(keys), first(values)], 0), node.outputs[1]);
    }
    attend(t, node, { q, k: keys, v: values, mask, bias: given(node, 5) });
  },
};

/** One of the parts that are packed in axis 3 of [B, L, H, parts, D], as [B, H, L, D]. */
function packed(t: Tape, x: string, part: number): string {
  const [batch, length, heads, , size] = t.shape(x) as [number, number, number, number, number];
  const flat = t.reshape(slicedAt(t, x, 3, part, part + 1), [batch, length, heads, size]);
  return t.transpose(flat, [0, 2, 1, 3]);
}

/** [H * D] or a part of it as [1, H, 1, D]. */
function biasPart(t: Tape, bias: string, from: number, heads: number, size: number): string {
  const part = slicedAt(t, bias, 0, from, from + heads * size);
  return t.reshape(part, [1, heads, 1, size]);
}

/** MultiHeadAttention of queries, keys and values that were projected before it, each apart or packed. */
export const multiHeadAttention: Composite = {
  unsupported: refusals({}, { 8: 'past and present share memory', 9: 'an index into a cache' }),
  decompose(t, node) {
    const heads = attrInt(node, 'num_heads');
    const [query, key, value, bias] = [node.inputs[0]!, given(node, 1), given(node, 2), given(node, 3)];
    const [pastKey, pastValue] = [given(node, 6), given(node, 7)];
    const apart = (x: string): string => (t.shape(x).length === 3 ? splitHeads(t, x, heads) : x);
    let [q, k, v]: [string, string, string] = key
      ? t.shape(key).length === 5
        ? [apart(query), packed(t, key, 0), packed(t, key, 1)]
        : [apart(query), apart(key), apart(value!)]
      : [packed(t, query, 0), packed(t, query, 1), packed(t, query, 2)];
    if (bias) {
      const [size, valueSize] = [t.shape(q)[3]!, t.shape(v)[3]!];
      const width = heads * size;
      q = t.add(q, biasPart(t, bias, 0, heads, size));
      k = t.add(k, biasPart(t, bias, width, heads, size));
      v = t.add(v, biasPart(t, bias, 2 * width, heads, valueSize));
    }
    if (pastKey) k = t.concat([pastKey, k], 2);
    if (pastValue) v = t.concat([pastValue, v], 2);
    publish(t, k, node.outputs[1]);
    publish(t, v, node.outputs[2]);
    if (node.outputs[3])
      throw new TrainingError('no-gradient', `node '${node.name}' (${node.op}): its scores are read`);
    attend(t, node, { q, k, v, mask: given(node, 4), bias: given(node, 5) });
  },
};

/**
 * The positions of RotaryEmbedding [B, S]: as they are given, or from one number on.
 * @param x [B, S, ...] or [B, H, S, D]
 */
export function rotaryPositions(t: Tape, x: string, positions: string): string {
  if (t.shape(positions).length === 2) return positions;
  const shape = t.shape(x);
  const [batch, length] = [shape[0]!, shape.at(-2)!];
  const places = t.constant(
    int64(
      [batch, length],
      Array.from({ length: batch * length }, (_, i) => i % length),
    ),
    'places',
  );
  return t.add(places, positions);
}
