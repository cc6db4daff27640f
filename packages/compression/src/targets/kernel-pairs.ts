/**
 * Which weights ONNX Runtime's kernels for x64 without 8-bit dot products multiply and add in 16 bits (VPMADDUBSW). Convolutions run with
 * channels last and products take weights in fours, so that places 2k and 2k + 1 of (kernel position, input channel) meet, as rows
 * 2k and 2k + 1 of a matrix do. A depthwise convolution has a kernel of its own, which adds in 32 bits. Read in MLAS (qgemm, convsym),
 * and held by a test that runs on an emulated CPU.
 */
import type { DeviceClass } from '@verge/contracts';
import { attrInt, type Node } from '@verge/onnx';

/** Two products of uint8 and int8 are added in int16 (Intel, VPMADDUBSW): 255 * (a + b) must stay within 32,767. */
export const LARGEST_PAIR = Math.floor(32_767 / 255);

/** Where the weights of an output channel lie: `channel * stride + places[k]` is the k-th that a kernel takes. */
export interface KernelOrder {
  readonly channels: number;
  readonly stride: number;
  readonly places: Int32Array;
}

/** Every output of a convolution has one input. */
const isDepthwise = (node: Node, dims: readonly number[]): boolean =>
  dims[1] === 1 && attrInt(node, 'group', 1) > 1 && attrInt(node, 'group', 1) === dims[0];

/**
 * @param dims of the weight of a Conv, Gemm or MatMul
 * @returns null where nothing is added in 16 bits
 */
export function kernelOrder(node: Node, dims: readonly number[], axis: number): KernelOrder | null {
  if (node.op !== 'Conv') {
    const [rows, columns] =
      axis === 0 ? [dims[1] as number, dims[0] as number] : [dims[0] as number, dims[1] as number];
    const step = axis === 0 ? 1 : columns;
    return {
      channels: columns,
      stride: axis === 0 ? rows : 1,
      places: Int32Array.from({ length: rows }, (_, k) => k * step),
    };
  }
  if (isDepthwise(node, dims)) return null;
  const [channels, inputs] = dims as [number, number];
  const positions = dims.slice(2).reduce((a, b) => a * b, 1);
  const places = Int32Array.from(
    { length: inputs * positions },
    (_, k) => (k % inputs) * positions + Math.floor(k / inputs),
  );
  return { channels, stride: inputs * positions, places };
}

/** Whether two weights of a channel that are added could overflow 16 bits, with activations at their largest. */
export function overflows({ stride, places }: KernelOrder, int8: Int8Array, channel: number): boolean {
  const from = channel * stride;
  for (let k = 0; k + 1 < places.length; k += 2) {
    if (Math.abs(int8[from + places[k]!]! + int8[from + places[k + 1]!]!) > LARGEST_PAIR) return true;
  }
  return false;
}

/**
 * Whether a class of devices adds pairs of 8-bit products in 16 bits: x64 without VNNI. Activations of int8 change nothing, since ONNX
 * Runtime turns them into uint8 there.
 */
export const addsPairsIn16Bits = ({ arch, vnni }: Pick<DeviceClass, 'arch' | 'vnni'>): boolean =>
  arch === 'x64' && !vnni;
