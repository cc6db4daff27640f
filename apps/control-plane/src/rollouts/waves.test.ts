import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orderForWaves, partitionWaves } from './waves.js';

describe('partitionWaves', () => {
  it('takes a number, then brings the total up to a percentage, then everything', () => {
    expect(partitionWaves([{ devices: 1 }, { percent: 10 }, { percent: 100 }], 50)).toEqual([1, 4, 45]);
    expect(partitionWaves([{ devices: 1 }, { percent: 100 }], 3)).toEqual([1, 2]);
  });

  it('leaves out waves that would be empty and adds what the list does not cover', () => {
    expect(partitionWaves([{ devices: 5 }, { percent: 10 }, { percent: 100 }], 20)).toEqual([5, 15]);
    expect(partitionWaves([{ devices: 1 }], 4)).toEqual([1, 3]);
    expect(partitionWaves([{ devices: 9 }, { percent: 100 }], 4)).toEqual([4]);
    expect(partitionWaves([{ percent: 100 }], 0)).toEqual([]);
  });

  it('rounds a percentage up, but not past a whole number that floating point misses', () => {
    expect(partitionWaves([{ percent: 1 }], 3)).toEqual([1, 2]);
    expect(partitionWaves([{ percent: 7 }, { percent: 100 }], 100)).toEqual([7, 93]);
  });

  it('covers every device exactly once, whatever the plan', () => {
    const wave = fc.oneof(
      fc.record({ devices: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ percent: fc.double({ min: 0.01, max: 100, noNaN: true }) }),
    );
    fc.assert(
      fc.property(fc.array(wave, { minLength: 1, maxLength: 8 }), fc.nat(200), (plan, total) => {
        const sizes = partitionWaves(plan, total);
        expect(sizes.reduce((a, b) => a + b, 0)).toBe(total);
        expect(sizes.every((size) => size > 0)).toBe(true);
        expect(sizes.length).toBeLessThanOrEqual(plan.length + 1);
      }),
    );
  });
});

describe('orderForWaves', () => {
  it('takes online devices first and the classes in turn', () => {
    const device = (name: string, deviceClass: string, online: boolean) => ({ id: name, name, deviceClass, online });
    const ordered = orderForWaves([
      device('a1', 'a', true),
      device('a2', 'a', true),
      device('a0', 'a', false),
      device('b1', 'b', true),
    ]);
    expect(ordered.map((d) => d.name)).toEqual(['a1', 'b1', 'a2', 'a0']);
  });
});
