/** The attention operators of ONNX Runtime's own, as models of one node. For tests. */
import { elementCount, float, float32, int, int64, ints, type Attribute, type Tensor } from '@verge/onnx';

export type Given = readonly number[] | Tensor | null;

export interface FusedCase {
  readonly op: string;
  readonly text: string;
  readonly domain?: string;
  /** Shapes of float inputs, constants, and null for what is left out. */
  readonly inputs: readonly Given[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Which outputs are asked for; the first alone unless told. */
  readonly outputs?: readonly number[];
  /** Rounds, so that differences say nothing of its gradient. */
  readonly rounds?: boolean;
}

export const int32 = (dims: readonly number[], values: readonly number[]): Tensor => ({
  dtype: 'int32',
  dims,
  data: Int32Array.from(values),
});

const two = { num_heads: int(2) };
const attention = (text: string, more: readonly Given[], attributes: FusedCase['attributes'] = {}): FusedCase => ({
  ...{ op: 'Attention', text, attributes: { ...two, ...attributes } },
  inputs: [[2, 3, 8], [8, 24], [24], ...more],
});
const heads = (text: string, more: readonly Given[], attributes: FusedCase['attributes'] = {}): FusedCase => ({
  ...{ op: 'MultiHeadAttention', text, attributes: { ...two, ...attributes } },
  inputs: [[2, 3, 8], [2, 4, 8], [2, 4, 6], ...more],
});

const attentions: readonly FusedCase[] = [
  attention('plain', []),
  attention('a scale', [], { scale: float(0.9) }),
  attention('causal', [], { unidirectional: int(1) }),
  attention('lengths', [int32([2], [2, 3])]),
  attention('ends and beginnings', [int32([4], [2, 3, 0, 1])]),
  attention('a mask of keys', [int32([2, 3], [1, 0, 1, 1, 1, 0])]),
  attention('nothing to be seen', [int32([2, 3], [0, 0, 0, 1, 1, 0])], { mask_filter_value: float(-100) }),
  attention(
    'a mask of queries and keys, causal',
    [int32([2, 3, 3], [1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 1])],
    {
      unidirectional: int(1),
    },
  ),
  attention('a mask of keys, causal, the first one hidden', [int32([2, 3], [0, 1, 1, 1, 1, 0])], {
    unidirectional: int(1),
  }),
  attention('what is added', [null, null, [2, 2, 3, 3]]),
  attention('what is added to all', [null, null, [1, 2, 3, 3]]),
  { ...attention('a past, causal', [null, [2, 2, 2, 5, 4]], { unidirectional: int(1) }), outputs: [0, 1] },
  {
    ...attention('a past, a mask', [int32([2, 8], [1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1]), [2, 2, 2, 5, 4]]),
    outputs: [0, 1],
  },
  {
    ...{ op: 'Attention', text: 'other sizes' },
    inputs: [[2, 3, 6], [6, 20], [20]],
    attributes: { ...two, qkv_hidden_sizes: ints([8, 8, 4]) },
  },
  heads('plain', []),
  heads('a bias', [[22]]),
  heads('a scale', [], { scale: float(0.4) }),
  heads('lengths of keys', [null, int32([2], [3, 4])]),
  heads('a mask of keys', [null, int32([2, 4], [1, 0, 1, 1, 1, 1, 0, 0])], { mask_filter_value: float(-50) }),
  heads('a mask of queries and keys', [
    null,
    int32([2, 3, 4], [1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0, 0]),
  ]),
  heads('what is added', [null, null, [2, 2, 3, 4]]),
  {
    op: 'MultiHeadAttention',
    text: 'heads apart',
    inputs: [
      [2, 3, 8],
      [2, 2, 5, 4],
      [2, 2, 5, 4],
    ],
    attributes: two,
  },
  {
    ...{ op: 'MultiHeadAttention', text: 'a past, causal', attributes: { ...two, unidirectional: int(1) } },
    inputs: [[2, 3, 8], [2, 3, 8], [2, 3, 8], null, null, null, [2, 2, 5, 4], [2, 2, 5, 4]],
    outputs: [0, 1, 2],
  },
];

const rotary = (
  text: string,
  x: number[],
  positions: Tensor,
  cache: number[],
  attributes: FusedCase['attributes'] = {},
): FusedCase => {
  const size = elementCount(cache);
  const angle = (of: (n: number) => number): Tensor =>
    float32(
      cache,
      Array.from({ length: size }, (_, i) => of(i * 0.37)),
    );
  return { op: 'RotaryEmbedding', text, inputs: [x, positions, angle(Math.cos), angle(Math.sin)], attributes };
};

const rotations: readonly FusedCase[] = [
  rotary('from one place on', [2, 3, 16], int64([1], [2]), [12, 4]),
  rotary('places of each', [2, 3, 16], int64([2, 3], [0, 4, 2, 1, 1, 7]), [12, 4]),
  rotary('interleaved, heads apart', [2, 2, 3, 8], int64([1], [1]), [12, 4], { interleaved: int(1) }),
  rotary('a part of each head', [2, 3, 16], int64([1], [0]), [12, 2], {
    num_heads: int(2),
    rotary_embedding_dim: int(4),
  }),
];

export const fusedAttentions: readonly FusedCase[] = [...attentions, ...rotations];
