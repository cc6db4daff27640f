import { float, int, ints, str, type Attribute } from '@verge/onnx';
import { smooth, type Case } from './case.js';

const product = (text: string, a: number[], b: number[]): Case => ({
  op: 'MatMul',
  text,
  inputs: [
    [a, smooth],
    [b, smooth],
  ],
});
const conv = (text: string, x: number[], w: number[], attributes: Record<string, Attribute>, bias = false): Case => ({
  op: 'Conv',
  text,
  attributes,
  inputs: [[x, smooth], [w, smooth], ...(bias ? ([[[w[0]!], smooth]] as const) : [])],
});
const back = (text: string, x: number[], w: number[], attributes: Record<string, Attribute>, bias = 0): Case => ({
  op: 'ConvTranspose',
  text,
  attributes,
  inputs: [[x, smooth], [w, smooth], ...(bias ? ([[[bias], smooth]] as const) : [])],
});
const einsum = (equation: string, ...shapes: number[][]): Case => ({
  op: 'Einsum',
  text: equation,
  attributes: { equation: str(equation) },
  inputs: shapes.map((shape) => [shape, smooth] as const),
});
const around = (...pads: number[]): Record<string, Attribute> => ({ pads: ints(pads) });

export const products: readonly Case[] = [
  product('matrices', [3, 4], [4, 2]),
  product('rows in a batch', [2, 3, 4], [4, 2]),
  product('broadcast batch', [2, 1, 3, 4], [3, 4, 2]),
  product('matrix and vector', [2, 3, 4], [4]),
  product('vector and matrix', [4], [4, 2]),
  ...[0, 1].flatMap((a) =>
    [0, 1].map((b): Case => ({
      op: 'Gemm',
      text: `transA ${a} transB ${b}`,
      inputs: [
        [a ? [4, 3] : [3, 4], smooth],
        [b ? [2, 4] : [4, 2], smooth],
        [[2], smooth],
      ],
      attributes: { alpha: float(0.7), beta: float(1.3), transA: int(a), transB: int(b) },
    })),
  ),
  einsum('ij,jk->ik', [2, 3], [3, 4]),
  einsum('bij,bjk->bik', [2, 2, 3], [2, 3, 2]),
  einsum('bqhd,bkhd->bhqk', [2, 3, 2, 2], [2, 2, 2, 2]),
  einsum('...ij,...jk->...ik', [2, 1, 2, 3], [3, 3, 2]),
  einsum('i,j->ij', [3], [2]),
  einsum('ij,ij', [2, 3], [2, 3]),
  einsum('ij', [2, 3]),
  einsum('ba', [2, 3]),
  einsum('ijk->j', [2, 3, 2]),
  einsum('ij,kj->', [2, 3], [2, 3]),
  einsum('ij,jk,kl->il', [2, 3], [3, 2], [2, 2]),
  einsum('b...,...->b...', [2, 3, 2], [3, 2]),
];

export const convolutions: readonly Case[] = [
  conv('3x3 dense, im2col', [2, 2, 5, 5], [3, 2, 3, 3], around(1, 1, 1, 1), true),
  conv('3x3 dense, taps', [1, 5, 9, 9], [3, 5, 3, 3], around(1, 1, 1, 1), true),
  conv('3x3 dense, rows', [2, 8, 4, 4], [3, 8, 3, 3], around(1, 1, 1, 1)),
  conv('rows, stride 2', [2, 8, 5, 6], [3, 8, 3, 3], { strides: ints([2, 2]), ...around(1, 1, 1, 1) }),
  conv('stride 2 with a remainder', [2, 5, 6, 6], [2, 5, 3, 3], { strides: ints([2, 2]), ...around(1, 1, 1, 1) }),
  conv('taps, stride 2 with a remainder', [2, 6, 6, 6], [4, 3, 3, 3], {
    group: int(2),
    strides: ints([2, 2]),
    ...around(1, 1, 1, 1),
  }),
  conv('dilated, uneven pads', [1, 5, 6, 5], [2, 5, 3, 2], { dilations: ints([2, 1]), ...around(2, 1, 1, 0) }),
  conv('tiny image', [3, 8, 2, 3], [4, 8, 3, 3], around(1, 1, 1, 1), true),
  conv('tiny output, stride 2', [2, 8, 4, 5], [4, 8, 3, 3], { strides: ints([2, 2]), ...around(1, 1, 1, 1) }),
  conv('tiny, dilated, uneven pads', [2, 8, 3, 2], [4, 8, 2, 2], { dilations: ints([2, 1]), ...around(1, 0, 1, 1) }),
  conv('pointwise', [2, 5, 3, 3], [4, 5, 1, 1], {}, true),
  conv('pointwise stride 2', [2, 5, 5, 5], [4, 5, 1, 1], { strides: ints([2, 2]) }),
  conv('groups of two', [2, 4, 4, 4], [6, 2, 3, 3], { group: int(2), ...around(1, 1, 1, 1) }),
  conv('depthwise, Toeplitz', [2, 3, 4, 5], [3, 1, 3, 3], { group: int(3), ...around(1, 1, 1, 1) }, true),
  conv('depthwise, no pads, dilated', [2, 3, 5, 6], [3, 1, 2, 3], { group: int(3), dilations: ints([1, 2]) }),
  conv('depthwise stride 2', [2, 3, 6, 5], [3, 1, 3, 3], {
    group: int(3),
    strides: ints([2, 2]),
    ...around(1, 1, 1, 1),
  }),
  conv('depthwise with multiplier', [2, 3, 4, 4], [6, 1, 3, 3], { group: int(3), ...around(1, 1, 1, 1) }),
  conv('SAME_UPPER', [1, 5, 5, 5], [2, 5, 2, 2], { auto_pad: str('SAME_UPPER'), strides: ints([2, 2]) }),
  conv('one spatial axis', [2, 5, 6], [3, 5, 3], around(1, 1), true),
  conv('depthwise, one spatial axis', [2, 4, 6], [4, 1, 3], { group: int(4), ...around(1, 1) }),
  conv('three spatial axes', [1, 2, 3, 3, 3], [2, 2, 2, 2, 2], {}),
  conv('three spatial axes, groups, stride', [1, 2, 4, 3, 4], [2, 1, 2, 2, 2], {
    group: int(2),
    strides: ints([2, 1, 2]),
    ...around(0, 1, 0, 1, 0, 0),
  }),
];

export const transposedConvolutions: readonly Case[] = [
  back('dense', [2, 2, 3, 3], [2, 3, 3, 3], {}, 3),
  back('stride 2, pads', [1, 2, 3, 4], [2, 2, 3, 3], { strides: ints([2, 2]), ...around(1, 1, 1, 1) }, 2),
  back('output padding', [1, 2, 3, 3], [2, 2, 3, 3], {
    strides: ints([2, 2]),
    output_padding: ints([1, 1]),
    ...around(1, 1, 1, 1),
  }),
  back('output padding that nothing reaches', [1, 2, 3, 3], [2, 1, 2, 2], {
    strides: ints([3, 2]),
    output_padding: ints([2, 1]),
  }),
  back('groups', [2, 4, 3, 3], [4, 2, 2, 2], { group: int(2), strides: ints([2, 1]) }, 4),
  back('depthwise', [2, 3, 4, 4], [3, 1, 3, 3], { group: int(3), strides: ints([2, 2]), ...around(1, 1, 1, 1) }),
  back('depthwise, stride 1', [2, 3, 4, 4], [3, 1, 3, 3], { group: int(3), ...around(1, 1, 1, 1) }),
  back('dilated, uneven pads', [1, 2, 4, 3], [2, 2, 2, 3], { dilations: ints([2, 1]), ...around(1, 0, 0, 2) }),
  back('SAME_UPPER', [1, 1, 3, 3], [1, 2, 3, 3], { auto_pad: str('SAME_UPPER'), strides: ints([2, 2]) }),
  back('SAME_LOWER', [1, 1, 3, 3], [1, 2, 3, 3], { auto_pad: str('SAME_LOWER'), strides: ints([2, 2]) }),
  back('output_shape', [1, 2, 3, 3], [2, 1, 3, 3], { strides: ints([3, 2]), output_shape: ints([8, 8]) }),
  back('pointwise', [2, 3, 2, 2], [3, 4, 1, 1], {}, 4),
  back('one spatial axis', [2, 2, 5], [2, 3, 3], { strides: ints([2]), ...around(1, 1) }, 3),
  back('three spatial axes', [1, 2, 2, 3, 2], [2, 2, 2, 2, 2], {
    strides: ints([2, 1, 2]),
    ...around(0, 1, 0, 0, 0, 1),
  }),
  back('many channels', [2, 8, 2, 2], [8, 8, 3, 3], around(1, 1, 1, 1)),
];
