import { describe, expect, it } from 'vitest';
import { fileURLToPath } from 'node:url';
import { digestOf, loadDigits, openDataset, splitIndices } from './index.js';

const folder = fileURLToPath(new URL('../../../datasets/digits', import.meta.url));

describe('the optical digits', () => {
  it('are 1,797 scans of [1, 8, 8] in [0, 1]', async () => {
    const digits = await loadDigits(`${folder}/digits.csv.gz`);
    expect(digits.y).toHaveLength(1797);
    expect(digits.shape).toEqual([1, 8, 8]);
    expect(digits.labels).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(Math.max(...digits.x)).toBe(1);
    // First row of the file: label 0, third pixel 5.
    expect([digits.y[0], digits.x[2]]).toEqual([0, 5 / 16]);
  });

  it('open through their descriptor as the same samples', async () => {
    const direct = await loadDigits(folder);
    for (const path of [folder, `${folder}/digits.csv.gz`]) {
      const described = await openDataset(path);
      expect(digestOf(described)).toBe(digestOf(direct));
      expect(described.split).toBe('digits-v1');
    }
  });

  it('split 70/10/20 by row, disjoint and complete', async () => {
    const digits = await loadDigits(folder);
    const { train, validation, test } = splitIndices(digits);
    expect([train.length, validation.length, test.length]).toEqual([1259, 179, 359]);
    expect(new Set([...train, ...validation, ...test]).size).toBe(1797);
    expect([...test].every((i) => i % 5 === 4)).toBe(true);
    expect([...validation].every((i) => i % 10 === 8)).toBe(true);
  });
});
