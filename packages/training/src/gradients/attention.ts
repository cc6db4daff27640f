/**
 * Attention-23 as products and a Softmax, whose rows are its gradient: scaled dot products of queries and keys
 * (arXiv 1706.03762), an optional soft cap, a mask, and the weighted sum of the values. Fewer heads of keys than of queries
 * share them (arXiv 2305.13245).
 */
import { attrFloat, attrInt, float32, int64, type Node, type Tensor } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import type { Composite } from './row.js';

/** A finite stand-in for minus infinity: a row in which nothing may be attended to stays a number. */
export const EXCLUDED = -3e38;

/** [batch, positions, heads * size] as [batch, heads, positions, size]. */
export function splitHeads(t: Tape, x: string, heads: number): string {
  const shape = t.shape(x);
  if (shape.length === 4) return x;
  const [batch, positions, width] = shape as [number, number, number];
  return t.transpose(t.reshape(x, [batch, positions, heads, width / heads]), [0, 2, 1, 3]);
}

/** The cached positions before the new ones. */
const withPast = (t: Tape, past: string | undefined, x: string): string => (past ? t.concat([past, x], 2) : x);

/** How many keys before and after its own place a query may see; undefined for all of them. */
function reach(node: Node): { left?: number; right?: number } {
  const bound = (name: string): number | undefined => {
    const size = attrInt(node, name, -1);
    return size < 0 ? undefined : size;
  };
  const causal = attrInt(node, 'is_causal', 0) === 1;
  return { left: bound('left_window_size'), right: causal ? 0 : bound('right_window_size') };
}

const integer = (t: Tape, value: number): string => t.constant(int64([], [value]), 'integer', `n:${value}`);

/**
 * Which keys each query may see by its place, a bool value that is broadcast to the scores; undefined when all of them.
 * A query stands behind the cached keys: behind `past_key`, or at the end of as many keys as `nonpad_kv_seqlen` says.
 */
function visible(t: Tape, node: Node, queries: number, keys: number): string | undefined {
  const { left, right } = reach(node);
  const lengths = node.inputs[6];
  if (left === undefined && right === undefined && !lengths) return undefined;
  const places = Array.from({ length: queries * keys }, (_, i) => (i % keys) - Math.floor(i / keys));
  const distance = t.constant(int64([queries, keys], places), 'distance');
  let offset = integer(t, node.inputs[4] ? t.shape(node.inputs[4])[2]! : 0);
  const limits: string[] = [];
  if (lengths) {
    const wide = t.reshape(lengths, [t.shape(lengths)[0]!, 1, 1, 1]);
    const key = t.constant(
      int64(
        [keys],
        Array.from({ length: keys }, (_, i) => i),
      ),
      'key',
    );
    limits.push(t.compare('Less', key, wide));
    offset = t.sub(wide, integer(t, queries));
  }
  if (right !== undefined) limits.push(t.compare('LessOrEqual', distance, t.add(offset, integer(t, right))));
  if (left !== undefined) limits.push(t.compare('GreaterOrEqual', distance, t.sub(offset, integer(t, left))));
  return limits.reduce((a, b) => t.compare('And', a, b));
}

/** A mask that is shorter than the keys leaves the rest out. */
function fullMask(t: Tape, mask: string, keys: number): string {
  const shape = t.shape(mask);
  const missing = keys - shape.at(-1)!;
  if (missing <= 0) return mask;
  const rest: Shape = [...shape.slice(0, -1), missing];
  const count = rest.reduce((a, b) => a * b, 1);
  const bool = t.types.get(mask) === 'bool';
  const filling: Tensor = bool
    ? { dtype: 'bool', dims: rest, data: new Uint8Array(count) }
    : float32(rest, new Float32Array(count).fill(EXCLUDED));
  const axis = { axis: { kind: 'int', value: BigInt(shape.length - 1) } } as const;
  const parts = [mask, t.constant(filling, 'excluded')];
  return t.emit('Concat', parts, [...shape.slice(0, -1), keys], axis, t.types.get(mask));
}

/** The scores [batch, heads, queries, keys] before anything is left out. */
function dotProducts(t: Tape, node: Node, q: string, k: string): string {
  const [batch, heads, queries, size] = t.shape(q) as [number, number, number, number];
  const [, keyHeads, keys] = t.shape(k) as [number, number, number];
  const scaled = t.scale(q, attrFloat(node, 'scale', 1 / Math.sqrt(size)));
  // Query heads that share a key head are rows of one product.
  const rows = t.reshape(scaled, [batch, keyHeads, (heads / keyHeads) * queries, size]);
  return t.reshape(t.matmul(rows, t.transposeLast(k)), [batch, heads, queries, keys]);
}

function softCap(t: Tape, node: Node, scores: string): string {
  const cap = attrFloat(node, 'softcap', 0);
  return cap === 0 ? scores : t.scale(t.unary('Tanh', t.scale(scores, 1 / cap)), cap);
}

interface Masked {
  readonly scores: string;
  /** Where attention is allowed, if a boolean mask or the places say so. */
  readonly allowed: string | undefined;
}

function applyMask(t: Tape, node: Node, scores: string): Masked {
  const [queries, keys] = t.shape(scores).slice(-2) as [number, number];
  const given = node.inputs[3] ? fullMask(t, node.inputs[3], keys) : undefined;
  let allowed = visible(t, node, queries, keys);
  let masked = scores;
  if (given && t.types.get(given) === 'bool') allowed = allowed ? t.compare('And', allowed, given) : given;
  else if (given) masked = t.add(masked, given);
  if (allowed) masked = t.where(allowed, masked, t.scalar(EXCLUDED));
  return { scores: masked, allowed };
}

export const attention: Composite = {
  decompose(t, node) {
    const flat = t.shape(node.inputs[0]!).length === 3;
    const keyHeads = attrInt(node, 'kv_num_heads', 0);
    const q = splitHeads(t, node.inputs[0]!, attrInt(node, 'q_num_heads', 0));
    const k = withPast(t, node.inputs[4], splitHeads(t, node.inputs[1]!, keyHeads));
    const v = withPast(t, node.inputs[5], splitHeads(t, node.inputs[2]!, keyHeads));
    const products = dotProducts(t, node, q, k);
    const capped = softCap(t, node, products);
    const { scores, allowed } = applyMask(t, node, capped);
    const weights = t.emit('Softmax', [scores], t.shape(scores));
    // A row that may see nothing weighs nothing.
    const probabilities = allowed ? t.mul(weights, t.indicator(allowed)) : weights;
    const stages = [products, capped, scores, probabilities];
    const stage = stages[attrInt(node, 'qk_matmul_output_mode', 0)]!;

    const [batch, heads, queries, keys] = t.shape(scores) as [number, number, number, number];
    const [, shared, , size] = t.shape(v) as [number, number, number, number];
    const rows = t.reshape(probabilities, [batch, shared, (heads / shared) * queries, keys]);
    const y = t.reshape(t.matmul(rows, v), [batch, heads, queries, size]);
    const joined = flat ? t.reshape(t.transpose(y, [0, 2, 1, 3]), [batch, queries, heads * size]) : y;
    const outputs: [string | undefined, string][] = [
      [node.outputs[0], joined],
      [node.outputs[1], k],
      [node.outputs[2], v],
      [node.outputs[3], stage],
    ];
    for (const [name, value] of outputs) if (name) t.node('Identity', [value], [t.declare(name, t.shape(value))]);
  },
};
