import { expect, it } from 'vitest';
import { bfloat16Bits, bfloat16Value, float16Bits, float16Value } from './halves.js';

it('reads float16 patterns', () => {
  // IEEE 754 binary16: 1, -2, the smallest subnormal, the largest number, infinity.
  expect([0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00].map(float16Value)).toEqual([1, -2, 2 ** -24, 65504, Infinity]);
  expect(float16Value(0x7e00)).toBeNaN();
});

it('rounds to the nearest bfloat16, ties to even, and back', () => {
  expect([1, -2, Infinity].map(bfloat16Bits)).toEqual([0x3f80, 0xc000, 0x7f80]);
  // 1 + 2^-8 lies in the middle of 0x3f80 and 0x3f81; 1 + 3 * 2^-8 in the middle of 0x3f81 and 0x3f82.
  expect([1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20].map(bfloat16Bits)).toEqual([0x3f80, 0x3f82, 0x3f81]);
  // The largest float32 rounds up to infinity.
  expect(bfloat16Bits(3.4028234663852886e38)).toBe(0x7f80);
  expect(bfloat16Value(bfloat16Bits(NaN))).toBeNaN();
  const all = Array.from({ length: 0x7f80 }, (_, bits) => bits);
  expect(all.filter((bits) => bfloat16Bits(bfloat16Value(bits)) !== bits)).toEqual([]);
});

it('rounds to the nearest float16, ties to even, and back', () => {
  expect([1, -2, 65504, 65519.9, 65520, -0].map(float16Bits)).toEqual([0x3c00, 0xc000, 0x7bff, 0x7bff, 0x7c00, 0x8000]);
  // Between 1 and its neighbours 1 + 2^-10 and 1 + 2^-9, and half of the smallest subnormal.
  expect([1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -25, 1.5 * 2 ** -24].map(float16Bits)).toEqual([0x3c00, 0x3c02, 0, 2]);
  const all = Array.from({ length: 0x7c01 }, (_, bits) => bits);
  expect(all.filter((bits) => float16Bits(float16Value(bits)) !== bits)).toEqual([]);
});
