import { describe, expect, it } from 'vitest';
import { largestIndices, selectChannels } from './select.js';

const scores = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => (i * 7) % n);

describe('selectChannels', () => {
  it('keeps the largest scores, ascending, rounded up to blocks', () => {
    expect([...largestIndices(Float64Array.of(3, 9, 1, 9), 2)]).toEqual([1, 3]);
    const kept = selectChannels([scores(16), scores(20), scores(64)], { ratio: 0.5, scope: 'layer', steps: [8, 8, 8] });
    expect(kept.map((k) => k.length)).toEqual([8, 16, 32]);
    const single = selectChannels([scores(10)], { ratio: 0.7, scope: 'layer' });
    expect(single[0]!.length).toBe(3);
  });

  it('takes more from the layer that matters less when all compete', () => {
    const even = new Float64Array(32).fill(1);
    const uneven = Float64Array.from({ length: 32 }, (_, i) => (i < 4 ? 10 : 0.01));
    const [a, b] = selectChannels([even, uneven], { ratio: 0.4, scope: 'global', steps: [4, 4] });
    expect(a!.length).toBe(32);
    expect([...b!]).toEqual([0, 1, 2, 3, 4, 5, 6, 7].slice(0, b!.length));
    expect(b!.length).toBeLessThanOrEqual(8);
  });

  it('never empties a layer', () => {
    const [kept] = selectChannels([scores(16)], { ratio: 0.999, scope: 'layer' });
    expect(kept!.length).toBe(1);
  });
});
