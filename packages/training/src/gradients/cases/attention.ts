import { float, float32, int, int64, type Tensor } from '@verge/onnx';
import { bools, smooth, type Attributes, type Case } from './case.js';

/** Shapes of query, key and value. */
type Shapes = readonly [number[], number[], number[]];
const heads: Shapes = [
  [1, 2, 3, 2],
  [1, 2, 4, 2],
  [1, 2, 4, 3],
];
const attention = (
  text: string,
  shapes: Shapes,
  attributes: Attributes = {},
  ...more: (Tensor | readonly [number[], typeof smooth] | null)[]
): Case => ({
  op: 'Attention',
  text,
  opset: 23,
  attributes,
  inputs: [...shapes.map((shape) => [shape, smooth] as const), ...more],
});

export const attentions: readonly Case[] = [
  attention('plain', heads),
  attention('scaled, capped', heads, { scale: float(0.9), softcap: float(1.5) }),
  attention('a mask that is added', heads, {}, [[3, 4], smooth]),
  attention('a mask that leaves out', heads, {}, bools([3, 4], 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0)),
  attention('a row that sees nothing', heads, {}, bools([3, 4], 1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0)),
  attention('a mask shorter than the keys', heads, {}, float32([3, 3], [0.1, 0.2, -0.3, 0.4, 0, 0.5, -0.2, 0.3, 0.6])),
  attention('causal', heads, { is_causal: int(1) }),
  attention('causal, masked', heads, { is_causal: int(1) }, bools([3, 4], 1, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0)),
  attention('causal, with a past', heads, { is_causal: int(1) }, null, [[1, 2, 2, 2], smooth], [[1, 2, 2, 3], smooth]),
  attention('shared key heads', [
    [1, 4, 2, 2],
    [1, 2, 3, 2],
    [1, 2, 3, 2],
  ]),
  attention(
    'three axes',
    [
      [2, 3, 4],
      [2, 2, 4],
      [2, 2, 6],
    ],
    { q_num_heads: int(2), kv_num_heads: int(2) },
  ),
  attention(
    'three axes, one key head',
    [
      [1, 2, 6],
      [1, 3, 2],
      [1, 3, 2],
    ],
    { q_num_heads: int(3), kv_num_heads: int(1) },
  ),
];

const rotary = (text: string, x: number[], attributes: Attributes, cache: number[], positions?: Tensor): Case => ({
  op: 'RotaryEmbedding',
  text,
  opset: 23,
  attributes,
  inputs: [[x, smooth], [cache, smooth], [cache, smooth], ...(positions ? [positions] : [])],
});

export const rotations: readonly Case[] = [
  rotary('halves, positions', [1, 2, 3, 4], {}, [6, 2], int64([1, 3], [0, 4, 2])),
  rotary('interleaved', [2, 2, 3, 4], { interleaved: int(1) }, [2, 3, 2]),
  rotary('three axes, a part of each head', [1, 2, 12], { num_heads: int(2), rotary_embedding_dim: int(4) }, [1, 2, 2]),
];
