/** Scales and zero points of 8-bit integers, as QuantizeLinear-21 defines them: q = clamp(round(x / scale) + zero point). */

import type { Range } from '../../study/histogram.js';

export type Int8Kind = 'uint8' | 'int8';

export interface AffineParams {
  scale: number;
  zeroPoint: number;
  kind: Int8Kind;
  /** 8 where they are absent. With fewer, levels are the lowest of `kind`, and what is larger is cut off in front. */
  bits?: number;
}

const limits: Record<Int8Kind, { low: number; high: number }> = {
  uint8: { low: 0, high: 255 },
  int8: { low: -128, high: 127 },
};

/** The lowest and highest level of so many bits. */
export function levelsOf(kind: Int8Kind, bits = 8): { low: number; high: number } {
  const { low } = limits[kind];
  return bits === 8 ? limits[kind] : kind === 'uint8' ? { low, high: 2 ** bits - 1 } : signed(bits);
}

const signed = (bits: number): { low: number; high: number } => ({
  low: -(2 ** (bits - 1)),
  high: 2 ** (bits - 1) - 1,
});

/** Smallest scale, so that a tensor that is always zero has one. The product of two of them is still a normal float32. */
const tiny = 2 ** -60;

/**
 * Parameters that cover the range and represent zero exactly, which padding and Relu need. A range that begins at zero gets
 * the lowest zero point, so that ONNX Runtime can drop the Relu in front.
 */
export function affineParams(range: Range, kind: Int8Kind, bits = 8): AffineParams {
  const { low, high } = levelsOf(kind, bits);
  const min = Math.min(0, range.min);
  const max = Math.max(0, range.max);
  const scale = Math.fround(Math.max((max - min) / (high - low), tiny));
  const zeroPoint = Math.min(high, Math.max(low, Math.round(low - min / scale)));
  return { scale, zeroPoint, kind, ...(bits < 8 && { bits }) };
}

/** A sum with it has no place for a fraction, and additions of doubles round half to even. */
const WHOLE = 1.5 * 2 ** 52;

/** Round half to even, as QuantizeLinear rounds; half up beyond 2^51, which no integer type of it reaches. */
export function roundHalfEven(x: number): number {
  return Math.abs(x) <= 2 ** 51 ? x + WHOLE - WHOLE : Math.round(x);
}

export interface QuantizedWeight {
  data: Int8Array;
  /** One for each slice along the channel axis. */
  scales: Float32Array;
  /** Channels whose scale was widened so that pairs of products stay within 16 bits. */
  narrowed: number;
  /** Channels whose scale was widened to `floors`. */
  widened: number;
  /** Weights beyond the last level, which learned scales may leave; none where scales reach the largest. */
  cutOff?: number;
}

export interface WeightOptions {
  /**
   * For CPUs whose u8 x s8 kernel adds two products in 16 bits (AVX2, AVX-512 without VNNI): 255 * (w1 + w2) must stay within
   * int16, hence any two weights of one sign must not exceed 128 together; only channels that would are given a wider scale.
   */
  narrow: boolean;
  /** The least scale of each channel, see `scaleFloors`. */
  floors?: Float32Array | undefined;
}

/** Symmetric int8 weights with one scale for each index of `axis`. */
export function quantizeWeight(
  data: Float32Array,
  dims: readonly number[],
  axis: number,
  { narrow, floors }: WeightOptions,
): QuantizedWeight {
  const channels = dims[axis] as number;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const top = topMagnitudes(data, channels, inner);
  const scales = new Float32Array(channels);
  let narrowed = 0;
  let widened = 0;
  for (let c = 0; c < channels; c++) {
    const { positive, negative } = top[c] as TopTwo;
    const plain = Math.max(positive[0], negative[0], 127 * tiny) / 127;
    // One unit less than 128: each of the two may be rounded up by half.
    const pairs = narrow ? Math.max(positive[0] + positive[1], negative[0] + negative[1]) / 127 : 0;
    if (pairs > plain) narrowed++;
    const floor = floors?.[c] ?? 0;
    if (floor > Math.max(plain, pairs)) widened++;
    scales[c] = Math.max(plain, pairs, floor);
  }
  const out = new Int8Array(data.length);
  for (let from = 0, c = 0; from < data.length; from += inner, c = (c + 1) % channels) {
    const scale = scales[c]!;
    for (let i = from; i < from + inner; i++) out[i] = Math.max(-127, Math.min(127, roundHalfEven(data[i]! / scale)));
  }
  return { data: out, scales, narrowed, widened };
}

/** Scales that were learned, and the levels that weights have with them. */
export interface GivenScales {
  scales: Float32Array;
  low: number;
  high: number;
  /** What is stored is a level times this. */
  times: number;
}

/**
 * Weights on the levels of scales that are given, beyond whose ends they are cut off. A scale is widened to its floor, and where
 * `narrow` asks for it.
 */
export function quantizeWeightAt(
  data: Float32Array,
  dims: readonly number[],
  axis: number,
  given: GivenScales,
  { narrow, floors }: WeightOptions,
): QuantizedWeight {
  const channels = dims[axis] as number;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const top = topMagnitudes(data, channels, inner);
  let [narrowed, widened] = [0, 0];
  const scales = given.scales.map((scale, c) => {
    const { positive, negative } = top[c] as TopTwo;
    const end = 127 * scale;
    const pair = ([a, b]: [number, number]): number => Math.min(a, end) + Math.min(b, end);
    const overflows = narrow && given.times === 1 && Math.max(pair(positive), pair(negative)) > end;
    const pairs = overflows ? Math.max(positive[0] + positive[1], negative[0] + negative[1]) / 127 : 0;
    const floor = floors?.[c] ?? 0;
    if (pairs > scale) narrowed++;
    if (floor > Math.max(scale, pairs)) widened++;
    return Math.max(scale, pairs, floor);
  });
  let cutOff = 0;
  const out = Int8Array.from(data, (value, i) => {
    const scale = (scales[Math.floor(i / inner) % channels] as number) * given.times;
    const level = roundHalfEven(value / scale);
    if (level < given.low || level > given.high) cutOff++;
    return Math.max(given.low, Math.min(given.high, level)) * given.times;
  });
  return { data: out, scales, narrowed, widened, cutOff };
}

interface TopTwo {
  /** The two largest positive weights. */
  positive: [number, number];
  /** The two largest magnitudes of negative weights. */
  negative: [number, number];
}

function topMagnitudes(data: Float32Array, channels: number, inner: number): TopTwo[] {
  const top: TopTwo[] = Array.from({ length: channels }, () => ({ positive: [0, 0], negative: [0, 0] }));
  for (let from = 0, c = 0; from < data.length; from += inner, c = (c + 1) % channels) {
    const { positive, negative } = top[c]!;
    for (let i = from; i < from + inner; i++) {
      const value = data[i]!;
      const side = value > 0 ? positive : negative;
      const size = Math.abs(value);
      if (size > side[0]) {
        side[1] = side[0];
        side[0] = size;
      } else if (size > side[1]) side[1] = size;
    }
  }
  return top;
}

/** Largest magnitude of an int32 bias, which leaves as much again for the sum of products that is added to it. */
const MOST_BIAS = 2 ** 30;

/**
 * The least scale of each channel's weights with which its bias, whose scale is the product of that and the input's, fits int32.
 * In a channel whose weights are all but zero, as training with weight decay leaves many, the bias is thousands of millions of
 * times their size; with a wider scale the weights lose digits that the bias drowns anyway.
 */
export function scaleFloors(bias: Float32Array, inputScale: number): Float32Array {
  return Float32Array.from(bias, (b) => Math.abs(b) / (inputScale * MOST_BIAS));
}

/** int32 bias with scale = input scale * weight scale, one for each channel (QLinearConv, input B). */
export function quantizeBias(
  bias: Float32Array,
  inputScale: number,
  weightScales: Float32Array,
): { data: Int32Array; scales: Float32Array; clamped: number } {
  const scales = Float32Array.from(weightScales, (s) => s * inputScale);
  const limit = 2 ** 31 - 1;
  let clamped = 0;
  const data = Int32Array.from(bias, (b, i) => {
    const value = roundHalfEven(b / (scales[i] as number));
    if (Math.abs(value) > limit) clamped++;
    return Math.max(-limit, Math.min(limit, value));
  });
  return { data, scales, clamped };
}
