/** Test support: models of one node, and their multiply-accumulates counted by hand. */
import { float, floats, int, ints, str } from '../attributes.js';
import { GraphBuilder, type Attributes } from '../builder.js';
import type { Model } from '../ir.js';
import { float32, type Tensor } from '../tensor.js';

export const zeros = (...dims: number[]): Tensor => float32(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)));
export const bytes = (...dims: number[]): Tensor => ({
  dtype: 'uint8',
  dims,
  data: new Uint8Array(dims.reduce((a, b) => a * b, 1)),
});
export const scale = float32([], [0.1]);

export interface Case {
  readonly op: string;
  readonly domain?: string;
  /** Shapes of inputs of the graph, constants, or null. */
  readonly inputs: readonly (number[] | Tensor | null)[];
  readonly attributes?: Attributes;
  readonly outputs?: number;
  readonly opset?: number;
}

export function modelOf({ op, domain = '', inputs, attributes = {}, outputs = 1, opset = 23 }: Case): Model {
  const b = new GraphBuilder();
  const names = inputs.map((given, i) => {
    if (!given) return '';
    return Array.isArray(given) ? b.input(`x${i}`, 'float32', given) : b.constant(given as Tensor);
  });
  const outputNames = Array.from({ length: outputs }, (_, i) => `y${i}`);
  b.node(op, names, attributes, outputs, { domain, outputNames });
  b.output('y0', null, null);
  return b.build({ opset, opsets: { 'com.microsoft': 1, 'ai.onnx.ml': 3 } });
}

export const [B, L, S, H, D] = [2, 5, 7, 3, 4];
/** Counted by hand: what is multiplied, and how often. */
export const COUNTS: [string, Case, number][] = [
  ['a transposed convolution', { op: 'ConvTranspose', inputs: [[1, 8, 5, 5], zeros(8, 4, 3, 3)] }, 25 * 8 * 4 * 9],
  [
    'a deformable convolution',
    { op: 'DeformConv', inputs: [[1, 2, 6, 6], zeros(4, 2, 3, 3), [1, 18, 4, 4]] },
    4 * 16 * (2 * 9),
  ],
  [
    'a GRU in both directions',
    {
      op: 'GRU',
      inputs: [[L, B, 6], zeros(2, 12, 6), zeros(2, 12, 4)],
      attributes: { hidden_size: int(4), direction: str('bidirectional') },
      outputs: 2,
    },
    2 * L * B * 3 * 4 * (6 + 4),
  ],
  [
    'a contraction',
    {
      op: 'Einsum',
      inputs: [
        [2, 3, 4],
        [2, 4, 5],
      ],
      attributes: { equation: str('bij,bjk->bik') },
    },
    120,
  ],
  [
    'a contraction under an ellipsis',
    {
      op: 'Einsum',
      inputs: [
        [2, 1, 3, 4],
        [6, 4, 5],
      ],
      attributes: { equation: str('...ij,...jk') },
    },
    2 * 6 * 3 * 4 * 5,
  ],
  [
    // First ij,jk (2 x 3 x 4), then ik,kl (2 x 4 x 5).
    'a contraction of three',
    {
      op: 'Einsum',
      inputs: [
        [2, 3],
        [3, 4],
        [4, 5],
      ],
      attributes: { equation: str('ij,jk,kl->il') },
    },
    24 + 40,
  ],
  [
    'an element-wise Einsum',
    {
      op: 'Einsum',
      inputs: [
        [2, 3],
        [2, 3],
      ],
      attributes: { equation: str('ij,ij->ij') },
    },
    0,
  ],
  ['a transposition by Einsum', { op: 'Einsum', inputs: [[2, 3]], attributes: { equation: str('ij->ji') } }, 0],
  ['a sum by Einsum', { op: 'Einsum', inputs: [[2, 3], [4]], attributes: { equation: str('ij,k->k') } }, 0],
  [
    'attention with heads apart',
    {
      op: 'Attention',
      inputs: [
        [B, H, L, D],
        [B, H, S, D],
        [B, H, S, 6],
      ],
    },
    B * H * L * S * (D + 6),
  ],
  [
    'attention of groups, packed, with a past of 2',
    {
      op: 'Attention',
      inputs: [[B, L, 4 * D], [B, S, 2 * D], [B, S, 2 * D], null, [B, 2, 2, D], [B, 2, 2, D]],
      attributes: { q_num_heads: int(4), kv_num_heads: int(2) },
      outputs: 3,
    },
    B * 4 * L * (S + 2) * 2 * D,
  ],
  [
    'GroupQueryAttention of 9 keys',
    {
      op: 'GroupQueryAttention',
      domain: 'com.microsoft',
      inputs: [
        ...[[B, L, 4 * D], [B, L, 2 * D], [B, L, 2 * D], null, null],
        ...[{ dtype: 'int32', dims: [B], data: Int32Array.of(8, 8) } as Tensor],
        { dtype: 'int32', dims: [], data: Int32Array.of(9) },
      ],
      attributes: { num_heads: int(4), kv_num_heads: int(2) },
      outputs: 3,
    },
    B * 4 * L * 9 * 2 * D,
  ],
  [
    'FusedMatMul with a transposed factor',
    {
      op: 'FusedMatMul',
      domain: 'com.microsoft',
      inputs: [[2, 4, 3], zeros(4, 5)],
      attributes: { transA: int(1), alpha: float(0.5) },
    },
    2 * 3 * 4 * 5,
  ],
  [
    'a linear classifier of scikit-learn',
    {
      op: 'LinearClassifier',
      domain: 'ai.onnx.ml',
      inputs: [[6, 4]],
      attributes: {
        coefficients: floats(new Array<number>(12).fill(1)),
        intercepts: floats([0, 0, 0]),
        classlabels_ints: ints([0, 1, 2]),
      },
      outputs: 2,
    },
    6 * 4 * 3,
  ],
  [
    // Each of 6 rows meets 5 vectors of 4 numbers, and the 5 products then their coefficients.
    'a support vector regression',
    {
      op: 'SVMRegressor',
      domain: 'ai.onnx.ml',
      inputs: [[6, 4]],
      attributes: { support_vectors: floats(new Array<number>(20).fill(1)), coefficients: floats([1, 1, 1, 1, 1]) },
    },
    6 * (5 * 4 + 5),
  ],
];
