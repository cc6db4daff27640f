/** Whether sums of products can overflow 16 bits on x64 without 8-bit dot products. */
import { attrInt, type Node } from '@verge/onnx';
import { nodeName } from '../../graph/index-of-values.js';
import { DEQUANTIZE, type ModelFacts } from '../facts.js';
import type { Rule } from '../target.js';

/** Two products of uint8 and int8 are added in int16 (Intel, VPMADDUBSW): 255 * (a + b) must stay within 32,767. */
const LARGEST_PAIR = Math.floor(32_767 / 255);

interface Weight {
  dims: readonly number[];
  data: Int8Array;
  axis: number;
}

/** Layers whose products of uint8 and int8 need no DequantizeLinear: the place of their weights, and the axis of output channels. */
const WITHIN: Readonly<Record<string, { places: number[]; axis: number }>> = {
  MatMulInteger: { places: [1], axis: 1 },
  DynamicQuantizeMatMul: { places: [1], axis: 1 },
  MatMulIntegerToFloat: { places: [1], axis: 1 },
  // [directions, width, gates]: a direction's gates are channels of their own.
  DynamicQuantizeLSTM: { places: [1, 2], axis: 2 },
};

/** The int8 weights that a layer multiplies uint8 with, with the axis of their output channels. */
function weightsOf(facts: ModelFacts, node: Node): Weight[] {
  const within = WITHIN[node.op];
  if (within)
    return within.places.flatMap((place) => {
      const tensor = facts.constant(node.inputs[place]);
      return tensor?.dtype === 'int8' ? slices({ dims: tensor.dims, data: tensor.data, axis: within.axis }) : [];
    });
  const axis = { Conv: 0, Gemm: attrInt(node, 'transB', 0) === 1 ? 0 : 1, MatMul: 1 }[node.op];
  // int8 activations take other instructions.
  const from = facts.index.producers.get(node.inputs[0] ?? '');
  if (from?.op !== DEQUANTIZE || facts.dtype(from.inputs[0]) !== 'uint8') return [];
  const producer = facts.index.producers.get(node.inputs[1] ?? '');
  const tensor = producer?.op === DEQUANTIZE ? facts.constant(producer.inputs[0]) : null;
  if (axis === undefined || tensor?.dtype !== 'int8' || tensor.dims.length <= axis) return [];
  return [{ dims: tensor.dims, data: tensor.data, axis }];
}

/** Three axes as matrices, one for each index of the first. */
function slices({ dims, data, axis }: Weight): Weight[] {
  if (dims.length !== 3) return dims.length > axis ? [{ dims, data, axis }] : [];
  const [count, ...rest] = dims as [number, number, number];
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => ({ dims: rest, data: data.subarray(i * size, (i + 1) * size), axis: 1 })); // prettier-ignore
}

/**
 * How many output channels hold two weights of one sign that together could overflow, whatever places the kernel pairs them in.
 * Activations count as at their largest.
 */
export function channelsThatMaySaturate(dims: readonly number[], data: Int8Array, axis: number): number {
  const channels = dims[axis] as number;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const top = Array.from({ length: channels }, () => [0, 0, 0, 0] as [number, number, number, number]);
  data.forEach((weight, i) => {
    const entry = top[Math.floor(i / inner) % channels] as [number, number, number, number];
    const [first, second] = weight > 0 ? ([0, 1] as const) : ([2, 3] as const);
    const size = Math.abs(weight);
    if (size > entry[first]) {
      entry[second] = entry[first];
      entry[first] = size;
    } else if (size > entry[second]) entry[second] = size;
  });
  return top.filter(([a, b, c, d]) => a + b > LARGEST_PAIR || c + d > LARGEST_PAIR).length;
}

export const noSaturation: Rule = {
  name: 'no-saturation',
  consequence: 'different',
  requires: `in each output channel the two largest int8 weights of one sign add up to at most ${LARGEST_PAIR}`,
  source:
    'Intel 64 and IA-32 Architectures Software Developer Manual, PMADDUBSW: sums of two products saturate at 16 bits',
  check: (facts) =>
    facts.nodes.flatMap((node) => {
      const weights = weightsOf(facts, node);
      const sum = (count: (weight: Weight) => number): number => weights.reduce((total, w) => total + count(w), 0);
      const many = sum(({ dims, data, axis }) => channelsThatMaySaturate(dims, data, axis));
      const of = sum(({ dims, axis }) => dims[axis] as number);
      return many === 0 ? [] : [{ node: nodeName(node), reason: `${many} of ${of} output channels may saturate` }];
    }),
};
