/** Weights as binary16 numbers. */
import { float16Bits } from '@verge/onnx';

/** The least magnitude that rounds to an infinity (IEEE 754, binary16: 65,504 and half a step). */
export const TOO_LARGE = 65_520;
/** The largest magnitude that rounds to zero: half of the least number, 2^-24. */
const VANISHES = 2 ** -25;

export interface Halves {
  readonly bits: Uint16Array;
  /** Values that are not zero and became zero. */
  readonly vanished: number;
}

/** The largest magnitude that is no infinity. */
export function largestFinite(data: Float32Array): number {
  let largest = 0;
  for (const value of data) {
    const size = Math.abs(value);
    if (size > largest && size !== Infinity) largest = size;
  }
  return largest;
}

/** Whether values are lost altogether: all those that are not zero would be. */
export const allVanish = (data: Float32Array): boolean =>
  data.some((v) => v !== 0) && data.every((v) => Math.abs(v) <= VANISHES);

/** @param data no finite value as large as `TOO_LARGE` */
export function toHalves(data: Float32Array): Halves {
  let vanished = 0;
  const bits = new Uint16Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    bits[i] = float16Bits(value);
    if (value !== 0 && Math.abs(value) <= VANISHES) vanished++;
  }
  return { bits, vanished };
}
