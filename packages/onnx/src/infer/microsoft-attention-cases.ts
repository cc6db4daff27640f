/** Test support: one-node models of the attention operators of com.microsoft that ONNX Runtime runs on a CPU. */
import { int, ints } from '../attributes.js';
import type { Dim } from '../ir.js';
import { float32, type Tensor } from '../tensor.js';
import type { MicrosoftCase } from './microsoft-cases.js';

const x = (...shape: Dim[]) => ({ input: 'float32', shape }) as const;
const w = (...dims: number[]): Tensor =>
  float32(
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, k) => Math.sin(k + 1) / 2),
  );
const ints32 = (dims: readonly number[], values: readonly number[]): Tensor => ({
  dtype: 'int32',
  dims,
  data: Int32Array.from(values),
});
const bytes = (...dims: number[]): Tensor => ({
  dtype: 'uint8',
  dims,
  data: Uint8Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, k) => (k * 37) % 256),
});
const two = { num_heads: int(2) };
const grouped = { num_heads: int(4), kv_num_heads: int(2) };

export const FUSED_ATTENTION: readonly MicrosoftCase[] = [
  { name: 'Attention', inputs: [x('b', 's', 8), w(8, 24), w(24)], attributes: two, outputs: [true, true] },
  {
    name: 'Attention of other sizes',
    inputs: [x('b', 's', 6), w(6, 20), w(20)],
    attributes: { ...two, qkv_hidden_sizes: ints([8, 8, 4]) },
  },
  {
    name: 'Attention with a past',
    inputs: [x('b', 3, 8), w(8, 24), w(24), null, x(2, 'b', 2, 5, 4)],
    attributes: { ...two, unidirectional: int(1) },
    outputs: [true, true],
  },
  {
    name: 'QAttention',
    inputs: [
      { input: 'uint8', shape: ['b', 's', 8] },
      ...[bytes(8, 24), w(24), float32([], [0.05]), float32([], [0.05]), null],
      ...[
        { dtype: 'uint8', dims: [], data: Uint8Array.of(9) } as const,
        { dtype: 'uint8', dims: [], data: Uint8Array.of(128) } as const,
      ],
    ],
    attributes: two,
    outputs: [true, true],
  },
  {
    name: 'MultiHeadAttention',
    inputs: [x('b', 's', 8), x('b', 't', 8), x('b', 't', 6), w(22)],
    attributes: two,
  },
  {
    name: 'MultiHeadAttention with heads apart',
    inputs: [x('b', 's', 8), x('b', 2, 't', 4), x('b', 2, 't', 4)],
    attributes: two,
  },
  { name: 'MultiHeadAttention packed', runs: false, inputs: [x('b', 's', 2, 3, 4)], attributes: two },
  {
    name: 'MultiHeadAttention keys packed',
    runs: false,
    inputs: [x('b', 's', 8), x('b', 't', 2, 2, 4)],
    attributes: two,
  },
  {
    name: 'MultiHeadAttention with a past',
    inputs: [x('b', 3, 8), x('b', 3, 8), x('b', 3, 8), null, null, null, x('b', 2, 5, 4), x('b', 2, 5, 4)],
    attributes: { ...two, unidirectional: int(1) },
    outputs: [true, true, true],
  },
  {
    name: 'MultiHeadAttention with a present',
    inputs: [x('b', 's', 8), x('b', 's', 8), x('b', 's', 8)],
    attributes: two,
    outputs: [true, true, true],
  },
  {
    name: 'DecoderMaskedMultiHeadAttention',
    inputs: [x('b', 1, 8), x('b', 1, 8), x('b', 1, 8), null, null, x('b', 2, 5, 4), x('b', 2, 5, 4), ints32([1], [2])],
    attributes: { ...two, past_present_share_buffer: int(1) },
    outputs: [true, true, true],
  },
  {
    name: 'GroupQueryAttention',
    inputs: [x(1, 3, 32), x(1, 3, 16), x(1, 3, 16), null, null, ints32([1], [2]), ints32([], [3])],
    attributes: grouped,
    outputs: [true, true, true],
  },
  {
    name: 'GroupQueryAttention packed with a past',
    inputs: [x(1, 1, 64), null, null, x(1, 2, 's', 8), x(1, 2, 's', 8), ints32([1], [2]), ints32([], [3])],
    attributes: grouped,
    outputs: [true, true, true],
    open: ['1.2', '2.2'],
  },
  {
    name: 'RotaryEmbedding',
    inputs: [x('b', 's', 16), { dtype: 'int64', dims: [1], data: BigInt64Array.of(0n) }, w(12, 4), w(12, 4)],
    attributes: { num_heads: int(2) },
  },
  {
    name: 'LongformerAttention',
    runs: false,
    inputs: [...[x('b', 4, 8), w(8, 24), w(24), x('b', 4), w(8, 24), w(24)], { input: 'int32', shape: ['b', 4] }],
    attributes: { ...two, window: int(2) },
  },
  {
    name: 'PackedAttention',
    runs: false,
    inputs: [x('t', 8), w(8, 24), w(24), ints32([1, 5], [0, 1, 2, 3, 4]), ints32([2], [0, 5])],
    attributes: two,
  },
];
