import { attrFloat, attrInt, float, int } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import type { Node } from '../../ir.js';
import { float32, int64 } from '../../tensor.js';
import type { Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import type { GraphView } from '../view.js';
import { floats } from './affine.js';
import type { Heads } from './attention-heads.js';
import { attentionOf, exchanged, JOINED, type AttentionParts } from './attention-parts.js';
import { scalarOf, shapeOf } from './constants.js';

/** From this set on the default domain has Attention, which takes projections that were made before it. */
const STANDARD = 23;

/** A product with a constant, and what is added to it. */
interface Projection {
  readonly x: string;
  /** How a Reshape makes [batch, length] of the rows of x; null where x has them. */
  readonly rows: readonly [number, number] | null;
  /** Column `c` of the weight, and of the bias. */
  readonly weight: (row: number, column: number) => number;
  readonly bias: (column: number) => number;
  readonly inputs: number;
  readonly path: readonly Node[];
}

/** What projects to the source of heads, or null where that is no product with a constant of float32. */
function projectionOf(view: GraphView, heads: Heads): Projection | null {
  let node = view.producer(heads.source);
  const path = node ? [node] : [];
  const next = (name: string): Node | null => {
    node = view.producer(name);
    if (node) path.push(node);
    return node;
  };
  const rank = shapeOf(view, heads.source)?.length;
  let rows: readonly [number, number] | null = rank === 2 ? heads.rows : null;
  if (node?.op === 'Reshape' && rank === 3) {
    // A product of rows that was put in their batch again.
    const from = shapeOf(view, node.inputs[0]);
    const target = view.constant(node.inputs[1]!);
    if (from?.length !== 2 || from[1] !== heads.width || target?.dtype !== 'int64') return null;
    rows = [Number(target.data[0]), Number(target.data[1])];
    if (rows.includes(0)) return null;
    next(node.inputs[0]!);
  }
  let factor = 1;
  if (node?.op === 'Mul' || node?.op === 'Div') {
    const at = node.op === 'Div' || scalarOf(view, node.inputs[1]) !== null ? 1 : 0;
    const by = scalarOf(view, node.inputs[at]);
    if (by === null || view.constant(node.inputs[at]!)!.dims.length > 3) return null;
    factor = node.op === 'Div' ? 1 / by : by;
    next(node.inputs[1 - at]!);
  }
  let bias: Float32Array | null = null;
  if (node?.op === 'Add') {
    const at = node.inputs.findIndex((name) => floats(view, name));
    const constant = floats(view, node.inputs[at]);
    if (!constant || constant.data.length !== heads.width || constant.dims.at(-1) !== heads.width) return null;
    bias = constant.data;
    next(node.inputs[1 - at]!);
  }
  if (!node || node.domain !== '' || (node.op !== 'MatMul' && node.op !== 'Gemm')) return null;
  const weight = floats(view, node.inputs[1]);
  const x = node.inputs[0]!;
  if (weight?.dims.length !== 2 || shapeOf(view, x)?.length !== (rows ? 2 : 3)) return null;
  const gemm = node.op === 'Gemm';
  const turned = gemm && attrInt(node, 'transB', 0) === 1;
  const [inputs, width] = (turned ? weight.dims.toReversed() : weight.dims) as [number, number];
  if (width !== heads.width || (gemm && (bias || attrInt(node, 'transA', 0) !== 0))) return null;
  const [alpha, beta] = gemm ? [attrFloat(node, 'alpha', 1), attrFloat(node, 'beta', 1)] : [1, 1];
  if (gemm && node.inputs[2]) {
    const constant = floats(view, node.inputs[2]);
    if (!constant || constant.data.length !== width || constant.dims.at(-1) !== width) return null;
    bias = constant.data;
  }
  const { data } = weight;
  const { offset } = heads;
  const at = turned ? (r: number, c: number) => c * inputs + r : (r: number, c: number) => r * width + c;
  return {
    x,
    rows,
    inputs,
    path,
    weight: (r, c) => factor * alpha * data[at(r, offset + c)]!,
    bias: (c) => (bias ? factor * beta * bias[offset + c]! : 0),
  };
}

interface Projected extends AttentionParts {
  readonly projections: readonly [Projection, Projection, Projection];
}

function projectedOf(match: Match): Projected | string {
  const { view } = match;
  const parts = attentionOf(match);
  if (typeof parts === 'string') return parts;
  const all = [parts.q, parts.k, parts.v];
  const found = all.map((heads) => projectionOf(view, heads));
  const projections = found.filter((p) => p !== null);
  const [first] = projections;
  if (projections.length < 3 || !first) return 'a projection is no product with a constant of float32';
  const same = projections.every((p) => p.x === first.x && p.rows?.join() === first.rows?.join());
  if (!same) return 'queries, keys and values are projections of different values';
  const inside = new Set([...projections.flatMap((p) => p.path), ...all.flatMap((heads) => heads.path)]);
  const products = new Set(
    [match.node('seen').inputs[1]!, ...[...inside].flatMap((node) => node.outputs)]
      .flatMap((name) => view.users(name))
      .filter((user) => !inside.has(user)),
  );
  // The scores and the weighted sum.
  if (products.size > 2 || [...inside].some((node) => node.outputs.some((name) => view.isOutput(name))))
    return 'a projection is read elsewhere';
  return { ...parts, projections: projections as [Projection, Projection, Projection] };
}

/** Weights [inputs, 3 * columns] and biases [3 * columns], queries, keys and values side by side. */
function packed({ q, projections }: Projected, builder: GraphBuilder): string[] {
  const width = q.heads * q.size;
  const [{ inputs }] = projections;
  const weight = new Float32Array(inputs * 3 * width);
  const bias = new Float32Array(3 * width);
  projections.forEach((projection, part) => {
    for (let c = 0; c < width; c++) {
      bias[part * width + c] = projection.bias(c);
      for (let r = 0; r < inputs; r++) weight[r * 3 * width + part * width + c] = projection.weight(r, c);
    }
  });
  return [
    builder.constant(float32([inputs, 3 * width], weight), 'qkv_weight'),
    builder.constant(float32([3 * width], bias), 'qkv_bias'),
  ];
}

/**
 * Projections of one value by constants, products, Softmax and moves of heads -> Attention of com.microsoft, which has all three
 * projections in one weight. Its MultiHeadAttention, which takes them as they are, is no faster than the parts.
 */
export const projectedAttention: Rule = {
  name: 'projected-attention',
  pattern: JOINED,
  check(match) {
    if (match.view.opset >= STANDARD) return decline('the default domain has Attention');
    const found = projectedOf(match);
    return typeof found === 'string' ? decline(found) : ACCEPT;
  },
  rewrite(match, builder) {
    const found = projectedOf(match) as Projected;
    const { q, scale, mask, projections } = found;
    const { x, rows, inputs } = projections[0];
    const sequence = rows ? builder.node('Reshape', [x, builder.constant(int64([3], [...rows, inputs]), 'shape')]) : x;
    const values = [exchanged(builder, sequence, q), ...packed(found, builder), ...(mask === '' ? [] : ['', '', mask])];
    const attributes = { num_heads: int(q.heads), scale: float(scale) };
    const y = builder.node('Attention', values, attributes, 1, { domain: 'com.microsoft' });
    const { root } = match;
    return builder.node('Reshape', [exchanged(builder, y, q), root.inputs[1]!], Object.fromEntries(root.attributes));
  },
};
