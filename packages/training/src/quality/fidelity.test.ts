import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { float32, int64, type Tensor } from '@verge/onnx';
import { OutputFidelity } from './fidelity.js';
import { classAxis } from './reads.js';

interface Golden {
  fidelity: {
    shape: [number, number];
    before: number[];
    after: number[];
    agreement: number;
    kl: number;
    sqnrDb: number;
    maxAbsDifference: number;
  }[];
}

const path = new URL('../../goldens/quality.golden.json', import.meta.url);
const golden = JSON.parse(readFileSync(path, 'utf8')) as Golden;
const classes = (dims: readonly number[]) => classAxis(dims, -1);
const none = (): null => null;

/** One output of two models in one run. */
function compared(before: Tensor | undefined, after: Tensor | undefined, axis: typeof classes = none) {
  const rows = before?.dims[0] ?? 1;
  const one = new OutputFidelity('y', axis);
  one.add(before, after, rows, rows);
  return one.finish();
}

describe('the likeness of two outputs', () => {
  it.each(golden.fidelity)('is what NumPy and SciPy find: $sqnrDb dB', (c) => {
    const [rows, width] = c.shape;
    const one = new OutputFidelity('y', classes);
    // In runs of 7 samples, of which the last is filled up.
    for (let from = 0; from < rows; from += 7) {
      const used = Math.min(7, rows - from);
      const part = (all: number[]): Tensor => {
        const own = all.slice(from * width, (from + used) * width);
        return float32([7, width], [...own, ...new Array<number>((7 - used) * width).fill(99)]);
      };
      one.add(part(c.before), part(c.after), 7, used);
    }
    const found = one.finish();
    expect(found).toMatchObject({ reads: 'classes', samples: rows, problem: null, agreement: c.agreement });
    expect(Math.abs(found.kl! - c.kl)).toBeLessThan(1e-9 * Math.max(1, c.kl));
    expect(Math.abs(found.sqnrDb! - c.sqnrDb)).toBeLessThan(1e-6);
    expect(Math.abs(found.maxAbsDifference! - c.maxAbsDifference)).toBeLessThan(1e-12);
  });

  it('takes a constant answer for no signal, however near it is to the mean', () => {
    const before = float32([4, 1], [1000, 1010, 1020, 1030]);
    const found = compared(before, float32([4, 1], [1015, 1015, 1015, 1015]));
    expect(found.sqnrDb!).toBeCloseTo(0, 6);
    expect(compared(before, before).sqnrDb).toBe(200);
  });

  it('says nothing of the signal of one sample, and takes what never varies as it is', () => {
    expect(compared(float32([1, 2], [1, 2]), float32([1, 2], [1, 2.5])).sqnrDb).toBeNull();
    const constant = compared(float32([2, 1], [10, 10]), float32([2, 1], [10, 9]));
    expect(constant.sqnrDb!).toBeCloseTo(10 * Math.log10(200), 6);
  });

  it('reads probabilities as they are', () => {
    const before = float32([1, 2], [0.9, 0.1]);
    const found = compared(before, float32([1, 2], [0.6, 0.4]), classes);
    // float32 rounds the probabilities.
    expect(found.kl!).toBeCloseTo(0.9 * Math.log(0.9 / 0.6) + 0.1 * Math.log(0.1 / 0.4), 6);
  });

  it('counts equal labels', () => {
    const found = compared(int64([4], [1, 2, 3, 4]), int64([4], [1, 2, 3, 5]));
    expect(found).toMatchObject({ reads: 'labels', agreement: 3 / 4, kl: null, sqnrDb: null });
    const words: Tensor = { dtype: 'string', dims: [2], data: ['a', 'b'] };
    expect(compared(words, { ...words, data: ['a', 'c'] }).agreement).toBe(0.5);
  });

  it('leaves out what both hold that is no number, and names what one of them does', () => {
    const masked = float32([2, 2], [-Infinity, 1, NaN, 3]);
    expect(compared(masked, float32([2, 2], [-Infinity, 2, NaN, 3]))).toMatchObject({
      problem: null,
      maxAbsDifference: 1,
    });
    expect(compared(float32([1, 2], [1, 2]), float32([1, 2], [1, NaN])).problem).toMatch(
      /holds NaN where the source model's holds 2/,
    );
  });

  it('names an output that is gone, of another shape or of another type', () => {
    const two = float32([1, 2], [1, 2]);
    expect(compared(two, undefined).problem).toMatch(/no output any more/);
    expect(compared(two, float32([1, 3], [1, 2, 3])).problem).toMatch(/shape is \[1, 3\].*\[1, 2\]/);
    expect(compared(two, int64([1, 2], [1, 2])).problem).toMatch(/int64.*float32/);
    expect(new OutputFidelity('y', none).finish()).toMatchObject({
      samples: 0,
      problem: expect.stringMatching(/no sample/),
    });
  });
});
