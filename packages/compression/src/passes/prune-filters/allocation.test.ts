import { describe, expect, it } from 'vitest';
import { type Curve, sharesAt } from './allocation.js';

const curve = (scale: number, saves = 1): Curve => ({
  // scale * share^2.
  points: [0.25, 0.5, 0.75].map((share) => [share, scale * share ** 2] as const),
  saves,
});

describe('sharesAt', () => {
  it('saves what it is asked for, and more where that costs less', () => {
    for (const amount of [0.1, 0.3, 0.6]) {
      const [a, b] = sharesAt([curve(1), curve(10)], amount) as [number, number];
      expect((a + b) / 2).toBeCloseTo(amount, 6);
      expect(a).toBeGreaterThan(2 * b);
    }
  });

  it('is even where costs are, and takes what saves more for the same cost', () => {
    const [a, b] = sharesAt([curve(3), curve(3)], 0.4) as [number, number];
    expect(a).toBeCloseTo(b, 6);
    const [less, more] = sharesAt([curve(1, 1), curve(1, 9)], 0.4) as [number, number];
    expect(more).toBeGreaterThan(less);
    expect((less + 9 * more) / 10).toBeCloseTo(0.4, 6);
  });

  it('is near the least sum of costs', () => {
    // Of s_i * r_i^2 with a given sum of r_i each r_i is in proportion to 1 / s_i.
    const [a, b, c] = sharesAt([curve(1), curve(2), curve(4)], 0.35) as [number, number, number];
    const sum = 3 * 0.35;
    const best = [4, 2, 1].map((part) => (sum * part) / 7);
    const cost = (r: readonly number[]): number => r[0]! ** 2 + 2 * r[1]! ** 2 + 4 * r[2]! ** 2;
    expect(cost([a, b, c])).toBeLessThan(1.1 * cost(best));
    expect(cost([a, b, c])).toBeLessThan(0.8 * cost([0.35, 0.35, 0.35]));
  });

  it('rises with the amount in each group, to all of it', () => {
    const curves = [curve(1), curve(100), { points: [[0.5, 0] as const], saves: 2 }];
    let before = [0, 0, 0];
    for (let amount = 0; amount <= 1; amount += 0.05) {
      const shares = sharesAt(curves, amount);
      shares.forEach((share, i) => expect(share).toBeGreaterThanOrEqual(before[i]! - 1e-9));
      before = shares;
    }
    sharesAt(curves, 1).forEach((share) => expect(share).toBeCloseTo(1, 9));
  });

  it('leaves groups alone of which nothing was measured, and stops where outputs are no numbers any more', () => {
    const broken: Curve = { points: [[0.25, 0.1], [0.5, Infinity]], saves: 1 }; // prettier-ignore
    expect(sharesAt([{ points: [], saves: 1 }, curve(1), broken], 1)).toEqual([0, 1, 0.25]);
    expect(sharesAt([{ points: [], saves: 1 }], 0.5)).toEqual([0]);
  });
});
