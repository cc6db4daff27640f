import type { Preprocess } from '@verge/contracts';
import { openDataset } from './open.js';
import type { Dataset } from './samples.js';

/** The optical digits: 8x8 counts of 0 to 16, scaled to [0, 1], as one channel. */
export const digitsPreprocess: Preprocess = {
  input: { kind: 'array', shape: [8, 8], layout: 'HW' },
  steps: [{ op: 'scale', scale: 1 / 16, offset: 0 }],
  output: { layout: 'CHW', shape: [1, 8, 8], dtype: 'float32' },
};

/**
 * The UCI optical digits as committed under datasets/digits (1,797 scans, split `digits-v1`).
 * @param path the folder or its digits.csv.gz
 * @returns samples of [1, 8, 8] float32 in [0, 1], ten labels
 */
export async function loadDigits(path: string): Promise<Dataset> {
  const data = await openDataset(path, {
    format: 'csv',
    header: false,
    labelColumn: -1,
    preprocess: digitsPreprocess,
    name: 'digits',
  });
  return { ...data, split: 'digits-v1' };
}
