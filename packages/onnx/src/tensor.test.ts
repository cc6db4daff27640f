import { describe, expect, it } from 'vitest';
import { elementCount, float32, int, int64, ints } from './index.js';

describe('tensors', () => {
  it('counts the elements of a shape, a scalar being one', () => {
    expect(elementCount([])).toBe(1);
    expect(elementCount([2, 0, 3])).toBe(0);
    expect(elementCount([2, 4, 3])).toBe(24);
  });
  it('keeps the largest integer, which is 2^63 as a number, and refuses what 64 bits do not hold', () => {
    const most = 2n ** 63n - 1n;
    expect(int64([3], [Number(most), most, -(2 ** 63)]).data).toEqual(BigInt64Array.of(most, most, -(2n ** 63n)));
    expect(ints([Number(most)])).toEqual({ kind: 'ints', value: [most] });
    expect(() => int64([1], [2 ** 64])).toThrow(RangeError);
    expect(() => int(-(2 ** 63) * 1.5)).toThrow(RangeError);
  });
  it('builds typed tensors from plain numbers', () => {
    expect(float32([2], [1, 2]).data).toEqual(Float32Array.of(1, 2));
    expect(int64([2], [1, 2n]).data).toEqual(BigInt64Array.of(1n, 2n));
  });
});
