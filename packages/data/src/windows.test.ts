import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  channelFigures,
  openDataset,
  openSource,
  splitIndices,
  windowSamples,
  type Dataset,
  type Part,
} from './index.js';

const series = (over: Partial<Dataset> = {}): Dataset => ({
  x: Float32Array.from({ length: 3 * 5 * 2 }, (_, i) => i),
  shape: [5, 2],
  y: Int32Array.of(0, 1, 0),
  labels: ['a', 'b'],
  name: 's',
  format: 'ts',
  unreadable: { count: 0, rows: [] },
  ...over,
});

describe('windows', () => {
  it('cut series into samples of the same class', () => {
    const cut = windowSamples(series(), { length: 3, hop: 2 });
    expect(cut).toMatchObject({ shape: [3, 2], y: Int32Array.of(0, 0, 1, 1, 0, 0) });
    expect([...cut.x.subarray(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9]);
    expect([...cut.x.subarray(12, 14)]).toEqual([10, 11]);
  });

  it('leave padding and short series out', () => {
    const cut = windowSamples(series({ lengths: Int32Array.of(5, 2, 3) }), { length: 3 });
    expect([...cut.y]).toEqual([0, 0]);
    expect(cut.lengths).toBeUndefined();
    expect(() => windowSamples(series({ lengths: Int32Array.of(2, 2, 2) }), { length: 3 })).toThrow(
      expect.objectContaining({ code: 'shape-mismatch' }),
    );
  });

  it('keep the windows of a series in one part', () => {
    const n = 100;
    const many = series({ x: new Float32Array(n * 10).map((_, i) => Math.floor(i / 10)), y: new Int32Array(n) });
    const cut = windowSamples(many, { length: 2, hop: 1 });
    expect(cut.y).toHaveLength(4 * n);
    const origin = (window: number): number => cut.x[window * 4]!;
    const parts = splitIndices(cut);
    const sets = [parts.train, parts.validation, parts.test].map((part) => new Set([...part].map(origin)));
    expect(sets.map((set) => set.size)).toEqual([80, 10, 10]);
    expect(new Set(sets.flatMap((set) => [...set])).size).toBe(n);
    const own = windowSamples(series({ ...many, parts: Array<Part>(n).fill('train') }), { length: 2, hop: 1 });
    const inside = splitIndices(own);
    expect([new Set([...inside.train].map(origin)).size, new Set([...inside.validation].map(origin)).size]).toEqual([
      90, 10,
    ]);
    expect(windowSamples(series({ parts: ['test', 'train', 'validation'] }), { length: 5 }).parts).toEqual([
      'test',
      'train',
      'validation',
    ]);
  });

  it('are cut as dataset.json says, before preprocessing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'verge-windows-'));
    try {
      await writeFile(join(folder, 'a.ts'), '@univariate true\n@classLabel true u v\n@data\n1,2,3,4,5:u\n6,7,8:v\n');
      const preprocess = {
        input: { kind: 'array', shape: [2, 1], layout: 'TC' },
        steps: [{ op: 'scale', scale: 10 }],
        output: { layout: 'CT', shape: [1, 2] },
      };
      const described = {
        schema: 'verge.dataset/1',
        name: 'w',
        file: 'a.ts',
        format: 'ts',
        window: { length: 2, hop: 2 },
      };
      await writeFile(join(folder, 'dataset.json'), JSON.stringify({ ...described, preprocess }));
      const data = await openDataset(folder);
      expect(data).toMatchObject({
        shape: [1, 2],
        x: Float32Array.of(10, 20, 30, 40, 60, 70),
        y: Int32Array.of(0, 0, 1),
      });
      const source = await openSource(folder);
      expect((await source.read([2, 0])).x).toEqual(Float32Array.of(60, 70, 10, 20));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('name every bad option, and samples that are no series', () => {
    expect(() => windowSamples(series(), { length: 0, hop: 1.5 })).toThrow(
      expect.objectContaining({ problems: [expect.stringContaining('length'), expect.stringContaining('hop')] }),
    );
    expect(() => windowSamples(series({ shape: [10] }), { length: 2 })).toThrow(
      expect.objectContaining({ code: 'shape-mismatch' }),
    );
  });
});

describe('figures of channels', () => {
  it('are those of each channel, wherever it lies, without padding', () => {
    const last = channelFigures(series());
    expect(last.mean).toEqual([14, 15]);
    // Even numbers from 0 to 28: variance (15 * 15 - 1) / 12 * 2 * 2.
    expect(last.std[0]).toBeCloseTo(Math.sqrt((224 / 12) * 4), 12);
    const first = channelFigures(series({ shape: [2, 5] }), 0);
    expect(first.mean).toEqual([12, 17]);
    const padded = { lengths: Int32Array.of(1, 1, 0) };
    expect(channelFigures(series(padded)).mean).toEqual([5, 6]);
    expect(channelFigures(series({ ...padded, shape: [2, 5] }), 0).mean).toEqual([5, 10]);
  });

  it('are 1 for a channel that never changes, and lose nothing to a large mean', () => {
    const x = Float32Array.from({ length: 4000 }, (_, i) => (i % 2 === 0 ? 7 : 1e7 + (i % 4 < 2 ? 0 : 2)));
    const { mean, std } = channelFigures(series({ x, shape: [2], y: new Int32Array(2000) }));
    expect(mean).toEqual([7, 1e7 + 1]);
    expect(std[0]).toBe(1);
    // Welford in double precision; the naive formula is wrong in the second digit here.
    expect(std[1]).toBeCloseTo(1, 6);
    expect(() => channelFigures(series(), 2)).toThrow(expect.objectContaining({ code: 'bad-setting' }));
  });
});
