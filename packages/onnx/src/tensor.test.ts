import { describe, expect, it } from 'vitest';
import { elementCount, float32, int64 } from './index.js';

describe('tensors', () => {
  it('counts the elements of a shape, a scalar being one', () => {
    expect(elementCount([])).toBe(1);
    expect(elementCount([2, 0, 3])).toBe(0);
    expect(elementCount([2, 4, 3])).toBe(24);
  });
  it('builds typed tensors from plain numbers', () => {
    expect(float32([2], [1, 2]).data).toEqual(Float32Array.of(1, 2));
    expect(int64([2], [1, 2n]).data).toEqual(BigInt64Array.of(1n, 2n));
  });
});
