/**
 * Multiply-accumulates of one node: products that are added up, as convolutions, matrix products, recurrent layers,
 * attention and contractions do. Element-wise operators, pools, reductions, normalisations and interpolation count 0.
 */
import { attrFloats, attrInt, attrString } from '../attributes.js';
import { isDefaultDomain } from '../builder.js';
import { rowOf } from '../infer/table.js';
import type { Node } from '../ir.js';
import { NEWEST_OPSET, operatorSpec } from '../specs/lookup.js';
import { elementCount } from '../tensor.js';
import { ATTENTION_MACS } from './attention-macs.js';
import type { Shapes } from './bytes.js';
import { einsumMacs } from './einsum-macs.js';

export type MacRule = (node: Node, shape: Shapes) => number | null;

/** Each output element meets the weights of one output channel. */
const convMacs =
  (weight: number): MacRule =>
  (node, shape) => {
    const [w, out] = [shape(node.inputs[weight]), shape(node.outputs[0])];
    return w && out && elementCount(out) * elementCount(w.slice(1));
  };

/** Each input element meets every weight of its channel. */
const transposedMacs: MacRule = (node, shape) => {
  const [x, w] = [shape(node.inputs[0]), shape(node.inputs[1])];
  return x && w && elementCount(x) * elementCount(w.slice(1));
};

const productMacs: MacRule = (node, shape) => {
  const [x, out] = [shape(node.inputs[0]), shape(node.outputs[0])];
  return x && out && elementCount(out) * (x.at(-1) ?? 1);
};

/** FusedMatMul and TransposeMatMul: what is added up is the last dimension of A, unless that is transposed. */
const fusedProductMacs: MacRule = (node, shape) => {
  const [x, out] = [shape(node.inputs[0]), shape(node.outputs[0])];
  if (!x || !out) return null;
  const transposed = x.length > 1 && attrInt(node, 'transA', 0) !== 0;
  // With transBatchA the first dimension moves in front of the last before that.
  const inner = transposed ? (attrInt(node, 'transBatchA', 0) !== 0 ? x[0]! : x.at(-2)!) : (x.at(-1) ?? 1);
  return elementCount(out) * inner;
};

const packedProductMacs: MacRule = (node, shape) => {
  const out = shape(node.outputs[0]);
  return out && elementCount(out) * attrInt(node, 'K');
};

const gemmMacs: MacRule = (node, shape) => {
  const [a, out] = [shape(node.inputs[0]), shape(node.outputs[0])];
  return a && out && elementCount(out) * a[attrInt(node, 'transA', 0) !== 0 ? 0 : 1]!;
};

const directions = (node: Node): number => (attrString(node, 'direction', 'forward') === 'bidirectional' ? 2 : 1);

/** Each step multiplies input and state by the matrices of every gate and direction. */
const recurrentMacs =
  (gates: number): MacRule =>
  (node, shape) => {
    const [x, w] = [shape(node.inputs[0]), shape(node.inputs[1])];
    if (!x || !w) return null;
    const rows = w[1]!;
    return x[0]! * x[1]! * directions(node) * rows * (w[2]! + rows / gates);
  };

/** The weights of DynamicQuantizeLSTM are transposed: [directions, input, 4 * hidden]. */
const quantisedLstmMacs: MacRule = (node, shape) => {
  const [x, w] = [shape(node.inputs[0]), shape(node.inputs[1])];
  return x && w && x[0]! * x[1]! * directions(node) * w[2]! * (w[1]! + w[2]! / 4);
};

/** A linear model of scikit-learn: each row of the input meets all coefficients. */
const rows = (x: readonly number[]): number => (x.length > 1 ? x[0]! : 1);
const linearModelMacs: MacRule = (node, shape) => {
  const x = shape(node.inputs[0]);
  return x && rows(x) * attrFloats(node, 'coefficients', []).length;
};
/** A support vector machine: each row meets all support vectors, if there are any, and then the coefficients. */
const supportVectorMacs: MacRule = (node, shape) => {
  const x = shape(node.inputs[0]);
  const vectors = attrFloats(node, 'support_vectors', []).length;
  return x && rows(x) * (vectors + attrFloats(node, 'coefficients', []).length);
};

const MACS: Readonly<Record<string, MacRule>> = {
  ...ATTENTION_MACS,
  Conv: convMacs(1),
  ConvInteger: convMacs(1),
  DeformConv: convMacs(1),
  CausalConvWithState: convMacs(1),
  QLinearConv: convMacs(3),
  ConvTranspose: transposedMacs,
  MatMul: productMacs,
  MatMulInteger: productMacs,
  QLinearMatMul: productMacs,
  Gemm: gemmMacs,
  LSTM: recurrentMacs(4),
  GRU: recurrentMacs(3),
  RNN: recurrentMacs(1),
  Einsum: einsumMacs,
  // Each coordinate of the grid is a row of theta times a point.
  AffineGrid: (node, shape) => {
    const [theta, out] = [shape(node.inputs[0]), shape(node.outputs[0])];
    return theta && out && elementCount(out) * theta.at(-1)!;
  },
  'ai.onnx.ml.LinearClassifier': linearModelMacs,
  'ai.onnx.ml.LinearRegressor': linearModelMacs,
  'ai.onnx.ml.SVMClassifier': supportVectorMacs,
  'ai.onnx.ml.SVMRegressor': supportVectorMacs,
  'com.microsoft.FusedConv': convMacs(1),
  'com.microsoft.NhwcConv': convMacs(1),
  'com.microsoft.NhwcFusedConv': convMacs(1),
  'com.microsoft.QLinearConv': convMacs(3),
  'com.microsoft.nchwc.Conv': convMacs(1),
  'com.microsoft.ConvTransposeWithDynamicPads': transposedMacs,
  'com.microsoft.FusedMatMul': fusedProductMacs,
  'com.microsoft.FusedMatMulActivation': fusedProductMacs,
  'com.microsoft.TransposeMatMul': fusedProductMacs,
  'com.microsoft.GemmFastGelu': productMacs,
  'com.microsoft.DynamicQuantizeMatMul': productMacs,
  'com.microsoft.MatMulInteger16': productMacs,
  'com.microsoft.MatMulIntegerToFloat': productMacs,
  'com.microsoft.MatMulNBits': packedProductMacs,
  'com.microsoft.MatMulBnb4': packedProductMacs,
  'com.microsoft.FusedGemm': gemmMacs,
  'com.microsoft.QGemm': gemmMacs,
  'com.microsoft.DynamicQuantizeLSTM': quantisedLstmMacs,
  // The squared distances of the rows of A from those of B.
  'com.microsoft.CDist': (node, shape) => {
    const [x, out] = [shape(node.inputs[0]), shape(node.outputs[0])];
    return x && out && elementCount(out) * x[1]!;
  },
};

/** Operators that do multiply and add, how often depends on how they are computed or on values. */
const UNCOUNTED: ReadonlySet<string> = new Set([
  'DFT',
  'Det',
  'LinearAttention',
  'STFT',
  'ai.onnx.preview.training.Gradient',
  'com.microsoft.Inverse',
  'com.microsoft.LongformerAttention',
  'com.microsoft.MoE',
  'com.microsoft.PackedAttention',
  'com.microsoft.QMoE',
]);

const keyOf = (node: Node): string => (isDefaultDomain(node.domain) ? node.op : `${node.domain}.${node.op}`);

/** Whether it is known what the operator of a node multiplies and adds up. */
export function isCounted(node: Node): boolean {
  const key = keyOf(node);
  if (Object.hasOwn(MACS, key)) return true;
  if (UNCOUNTED.has(key)) return false;
  return rowOf(node.op, node.domain) !== null || operatorSpec(node.op, NEWEST_OPSET, node.domain) !== null;
}

/**
 * Multiply-accumulates of one run of a node, those of its subgraphs left out; null when a size is unknown or it is not known
 * what the operator does, as with those of other domains.
 */
export function nodeMacs(node: Node, shape: Shapes): number | null {
  if (!isCounted(node)) return null;
  const key = keyOf(node);
  return Object.hasOwn(MACS, key) ? MACS[key]!(node, shape) : 0;
}
