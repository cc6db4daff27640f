import { expect, it } from 'vitest';
import { ByteCache } from './cache.js';

it('keeps decoded rows up to a number of bytes, the latest used', () => {
  const cache = new ByteCache<Uint8Array>(30);
  const row = (v: number): Uint8Array => new Uint8Array(10).fill(v);
  for (const i of [0, 1, 2]) cache.set(i, row(i));
  expect(cache.get(0)?.[0]).toBe(0);
  cache.set(3, row(3));
  expect([0, 1, 2, 3].map((i) => cache.get(i) !== undefined)).toEqual([true, false, true, true]);
  cache.set(4, new Uint8Array(31));
  expect(cache.get(4)).toBeUndefined();
});
