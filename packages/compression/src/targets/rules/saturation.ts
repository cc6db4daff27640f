/** Whether sums of products can overflow 16 bits on x64 without 8-bit dot products. */
import { attrInt, type Node } from '@verge/onnx';
import { nodeName } from '../../graph/index-of-values.js';
import { DEQUANTIZE, type ModelFacts } from '../facts.js';
import { kernelOrder, LARGEST_PAIR, overflows, type KernelOrder } from '../kernel-pairs.js';
import type { Rule } from '../target.js';

/** int8 weights, in the order in which a kernel takes those of each output channel. */
interface Weight {
  data: Int8Array;
  order: KernelOrder;
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
      return tensor?.dtype === 'int8' ? slices(node, tensor.dims, tensor.data, within.axis) : [];
    });
  const axis = { Conv: 0, Gemm: attrInt(node, 'transB', 0) === 1 ? 0 : 1, MatMul: 1 }[node.op];
  // int8 activations take other instructions.
  const from = facts.index.producers.get(node.inputs[0] ?? '');
  if (from?.op !== DEQUANTIZE || facts.dtype(from.inputs[0]) !== 'uint8') return [];
  const producer = facts.index.producers.get(node.inputs[1] ?? '');
  const tensor = producer?.op === DEQUANTIZE ? facts.constant(producer.inputs[0]) : null;
  if (axis === undefined || tensor?.dtype !== 'int8' || tensor.dims.length <= axis) return [];
  const order = kernelOrder(node, tensor.dims, axis);
  return order ? [{ data: tensor.data, order }] : [];
}

/** Three axes as matrices, one for each index of the first. */
function slices(node: Node, dims: readonly number[], data: Int8Array, axis: number): Weight[] {
  const [count, ...rest] = dims.length === 3 ? dims : [1, ...dims];
  if (rest.length !== 2 || dims.length <= axis) return [];
  const order = kernelOrder(node, rest, 1) as KernelOrder;
  const size = data.length / (count as number);
  return Array.from({ length: count as number }, (_, i) => ({ data: data.subarray(i * size, (i + 1) * size), order }));
}

/** How many output channels hold two weights that a kernel adds and that together could overflow. */
export function channelsThatMaySaturate(order: KernelOrder, data: Int8Array): number {
  return Array.from({ length: order.channels }, (_, channel) => overflows(order, data, channel)).filter(Boolean).length;
}

export const noSaturation: Rule = {
  name: 'no-saturation',
  consequence: 'different',
  requires: `in each output channel any two int8 weights that kernels multiply and add in 16 bits add up to at most ${LARGEST_PAIR}`,
  source:
    'Intel 64 and IA-32 Architectures Software Developer Manual, PMADDUBSW: sums of two products saturate at 16 bits',
  check: (facts) =>
    facts.nodes.flatMap((node) => {
      const weights = weightsOf(facts, node);
      const sum = (count: (weight: Weight) => number): number => weights.reduce((total, w) => total + count(w), 0);
      const many = sum(({ order, data }) => channelsThatMaySaturate(order, data));
      const of = sum(({ order }) => order.channels);
      return many === 0 ? [] : [{ node: nodeName(node), reason: `${many} of ${of} output channels may saturate` }];
    }),
};
