/**
 * Rows of the matrix products, embeddings and normalisations of ONNX Runtime's own domain, com.microsoft (its
 * docs/ContribOperators.md, and core/graph/contrib_ops/{contrib,bert,quantization}_defs.cc).
 */
import { attrInt, attrString } from '../attributes.js';
import type { Dim } from '../ir.js';
import type { DataType } from '../tensor.js';
import { divideDim, firstDim, mapDim, unknownShape, type Shape } from './dims.js';
import type { NodeFacts, Row } from './facts.js';
import { product, reduceAxes } from './linear.js';
import { tensorType } from './types.js';

/**
 * A factor as FusedMatMul reads it: `transBatch` moves the first dimension behind those that come before the last one,
 * `trans` swaps the last two. A vector stays as it is.
 */
function factor(f: NodeFacts, i: number, side: 'A' | 'B'): Shape | null {
  const x = f.shape(i);
  if (!x || x.length < 2) return x;
  const moved = attrInt(f.node, `transBatch${side}`, 0) === 1 ? [...x.slice(1, -1), x[0]!, x.at(-1)!] : x;
  if (attrInt(f.node, `trans${side}`, 0) === 0) return moved;
  return [...moved.slice(0, -2), moved.at(-1)!, moved.at(-2)!];
}

export const fusedMatMul: Row = (f) => [tensorType(f.dtype(0), product(f, factor(f, 0, 'A'), factor(f, 1, 'B')))];

/** Y of the element type of input `type`, A at 0 and B at 1. */
const productLike =
  (type: number): Row =>
  (f) => [tensorType(f.dtype(type), product(f, f.shape(0), f.shape(1)))];
export const dynamicQuantizeMatMul = productLike(0);
export const matMulIntegerToFloat = productLike(2);

/** QGemm: A at 0, B at 3; floats unless there is a zero point of the output. */
export const qgemm: Row = (f) => {
  const [a, b] = [f.ranked(0, 2), f.ranked(3, 2)];
  const [ta, tb] = [attrInt(f.node, 'transA', 0), attrInt(f.node, 'transB', 0)];
  return [tensorType(f.has(8) ? f.dtype(8) : 'float32', [a[ta === 0 ? 0 : 1]!, b[tb === 0 ? 1 : 0]!])];
};

/** MatMulNBits, MatMulBnb4: the weight is packed, attributes K and N say its sizes. */
export const packedMatMul: Row = (f) => {
  const a = f.shape(0);
  const [k, n] = [attrInt(f.node, 'K'), attrInt(f.node, 'N')];
  const last = a?.at(-1);
  if (typeof last === 'number' && last !== k) f.fail(`A has ${last} columns, K is ${k}`);
  return [tensorType(f.dtype(0), a && [...a.slice(0, -1), n])];
};

/** GatherBlockQuantized: 4- or 2-bit values, when they are packed into bytes, along the last axis. */
export const gatherBlockQuantized: Row = (f) => {
  const [x, indices] = [f.shape(0), f.shape(1)];
  const dtype = f.dtype(2);
  if (!x || !indices || !f.dtype(0)) return [tensorType(dtype, null)];
  const each = f.dtype(0) === 'uint8' ? 8 / attrInt(f.node, 'bits', 4) : 1;
  const unpacked = x.map((d, i) => (i === x.length - 1 && each !== 1 ? mapDim(d, (n) => n * each) : d));
  const axis = f.axis(attrInt(f.node, 'gather_axis', 0), x.length);
  return [tensorType(dtype, [...unpacked.slice(0, axis), ...indices, ...unpacked.slice(axis + 1)])];
};

/** DynamicQuantizeLSTM: an LSTM whose weights are transposed, [directions, input, 4 * hidden]. */
export const dynamicQuantizeLstm: Row = (f) => {
  const [steps, batch] = f.ranked(0, 3) as [Dim, Dim];
  const directions = attrString(f.node, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  const hidden: Dim = attrInt(f.node, 'hidden_size', 0) || f.ranked(2, 3)[1]!;
  const state = tensorType(f.dtype(0), [directions, batch, hidden]);
  return [tensorType(f.dtype(0), [steps, directions, batch, hidden]), state, state];
};

/** QLinearReduceMean: the axes as an attribute, none is all. */
export const qlinearReduce: Row = (f) => [tensorType(f.dtype(0), reduceAxes(f))];
/** ReduceSumInteger widens to 32 bits. */
export const reduceSumInteger: Row = (f) => {
  const wide: DataType | null = f.dtype(0) && (f.dtype(0) === 'uint8' ? 'uint32' : 'int32');
  return [tensorType(wide, reduceAxes(f))];
};

/** The last dimension as 1: what a normalisation along it keeps of its statistics. */
const statistics = (shape: Shape | null): Shape | null => shape && [...shape.slice(0, -1), 1];

/** Skip(Simplified)LayerNormalization: Y, mean, inverse deviation, and the sum that was normalised. */
export const skipLayerNorm: Row = (f) => {
  const kept = tensorType('float32', statistics(f.shape(0)));
  return [f.type(0), kept, kept, f.type(0)];
};

/**
 * SimplifiedLayerNormalization, which ONNX Runtime keeps in the default domain: Y of the type of the scale, and the
 * inverse deviation with the normalised axes as 1.
 */
export const simplifiedLayerNorm: Row = (f) => {
  const x = f.shape(0);
  const axis = x && f.axis(attrInt(f.node, 'axis', -1), x.length);
  const stash = attrInt(f.node, 'stash_type', 1) === 1 ? 'float32' : f.dtype(0);
  return [tensorType(f.dtype(1), x), tensorType(stash, x && x.map((d, i) => (i < axis! ? d : 1)))];
};

/** (Q)EmbedLayerNormalization of ids [B, S]: [B, S, hidden], a length for each sequence, and the sum of embeddings. */
const embedLayerNorm =
  (dtype: (f: NodeFacts) => DataType | null): Row =>
  (f) => {
    const [batch, length] = f.ranked(0, 2) as [Dim, Dim];
    const hidden = firstDim(f.shape(2)?.[1], f.shape(3)?.[1]);
    const embedded = tensorType(dtype(f), [batch, length, hidden]);
    return [embedded, tensorType('int32', [batch]), embedded];
  };
export const embedLayerNormalization = embedLayerNorm((f) => f.dtype(2));
export const qembedLayerNormalization = embedLayerNorm(() => 'float32');

/** BiasSplitGelu: half of the last dimension gates the other. */
export const halfOfLast: Row = (f) => {
  const x = f.shape(0);
  return [tensorType(f.dtype(0), x && [...x.slice(0, -1), divideDim(x.at(-1) ?? null, 2)])];
};

/** CDist: the distances of the rows of A from those of B. */
export const distances: Row = (f) => [tensorType(f.dtype(0), [f.ranked(0, 2)[0]!, f.ranked(1, 2)[0]!])];

/** Unique of a vector: the values, for each element which one it is, and how often each is there. */
export const uniqueOfVector: Row = (f) => {
  const count = `${f.path}_unique`;
  return [
    tensorType(f.dtype(0), [count]),
    tensorType('int64', f.shape(0)?.length === 1 ? f.shape(0) : unknownShape(1)),
    tensorType('int64', [count]),
  ];
};
