import { describe, expect, it } from 'vitest';
import { checkSamples, digestOf, pick, selectPart, slice, splitIndices, type Dataset } from './index.js';

const data: Dataset = {
  x: Float32Array.from({ length: 20 }, (_, i) => i),
  shape: [2],
  y: Int32Array.from({ length: 10 }, (_, i) => i % 2),
  labels: ['a', 'b'],
  name: 'ten',
  format: 'csv',
  unreadable: { count: 0, rows: [] },
};

describe('samples', () => {
  it('pick copies, slice views', () => {
    expect([...pick(data, [3, 1]).x]).toEqual([6, 7, 2, 3]);
    expect(slice(data, 2, 4).x.buffer).toBe(data.x.buffer);
    expect([...slice(data, 2, 4).y]).toEqual([0, 1]);
  });

  it('have a digest of their content, not of their name', () => {
    expect(digestOf({ ...data, name: 'other' })).toBe(digestOf(data));
    const changed = data.x.slice();
    changed[19] = -1;
    expect(digestOf({ ...data, x: changed })).not.toBe(digestOf(data));
    expect(digestOf({ ...data, shape: [2, 1] })).not.toBe(digestOf(data));
    expect(digestOf(data)).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('are checked for every disagreement at once', () => {
    expect(() => checkSamples({ ...data, shape: [3], y: data.y.map((v) => v * 5) })).toThrow(
      expect.objectContaining({
        code: 'shape-mismatch',
        problems: [expect.stringContaining('x holds'), expect.stringContaining('y[1]')],
      }),
    );
  });

  it('split the same way for ever, into disjoint parts', () => {
    const { train, validation, test } = splitIndices(data, 'random-80-10-10');
    expect([train.length, validation.length, test.length]).toEqual([8, 1, 1]);
    expect([...test, ...validation]).toEqual([...splitIndices(data).test, ...splitIndices(data).validation]);
    expect(new Set([...train, ...validation, ...test]).size).toBe(10);
    expect(() => splitIndices(data, 'own')).toThrow(
      expect.objectContaining({ code: 'bad-split', message: expect.stringContaining('no parts of its own') }),
    );
    expect(() => splitIndices(data, 'nope')).toThrow(expect.objectContaining({ code: 'bad-split' }));
    expect(() => selectPart({ ...data, parts: Array.from({ length: 10 }, () => 'train' as const) }, 'test')).toThrow(
      expect.objectContaining({ code: 'bad-split' }),
    );
    expect(selectPart(data, 'all').y).toHaveLength(10);
  });
});
