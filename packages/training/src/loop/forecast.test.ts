import { describe, expect, it } from 'vitest';
import { TrainingConfig } from '@verge/contracts';
import { createSession } from '@verge/runtime';
import { trainFromConfig } from '../train.js';
import { forecastSet, forecastWidth } from './forecast.js';
import { memorySource, type SampleSource } from './source.js';

/** Two samples of 4 steps and 2 channels, counted through. */
const series = { x: Float32Array.from({ length: 16 }, (_, i) => i), shape: [4, 2], y: Int32Array.of(0, 1) };

describe('forecastSet', () => {
  it('cuts the end of each series off as what is to be predicted', () => {
    const all = forecastSet(series, { steps: 1 });
    expect(all).toMatchObject({ shape: [3, 2], y: series.y });
    expect(all).toHaveProperty('x', Float32Array.of(0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13));
    expect(all).toHaveProperty('targets', Float32Array.of(6, 7, 14, 15));
    const one = forecastSet(series, { steps: 2, channel: 1 });
    expect(one).toHaveProperty('x', Float32Array.of(0, 1, 2, 3, 8, 9, 10, 11));
    expect(one).toHaveProperty('targets', Float32Array.of(5, 7, 13, 15));
    expect([forecastWidth([4, 2], { steps: 1 }), forecastWidth([4, 2], { steps: 2, channel: 1 })]).toEqual([2, 2]);
  });

  it('does the same to samples that are read by index', async () => {
    const source = forecastSet(
      { ...memorySource(series), block: 5, digest: 'd' },
      { steps: 2, channel: 1 },
    ) as SampleSource;
    expect(source).toMatchObject({ count: 2, shape: [2, 2], block: 5, digest: 'd' });
    expect(await source.read(Int32Array.of(1))).toEqual({
      x: Float32Array.of(8, 9, 10, 11),
      y: Int32Array.of(1),
      targets: Float32Array.of(13, 15),
    });
  });

  it('names what does not fit', () => {
    expect(() => forecastSet(series, { steps: 4, channel: 2 })).toThrow(
      expect.objectContaining({
        code: 'bad-samples',
        problems: [expect.stringContaining('1 to 3'), expect.stringContaining('0 to 1')],
      }),
    );
    expect(() => forecastSet({ ...series, shape: [8] }, { steps: 1 })).toThrow(/not \[steps, channels\]/);
  });
});

describe('a configuration with a forecast', () => {
  const count = 240;
  const x = Float32Array.from({ length: count * 14 }, (_, i) => Math.sin((Math.floor(i / 14) * 1.7 + (i % 14)) / 3));
  const part = (from: number, to: number) => ({
    x: x.subarray(from * 14, to * 14),
    shape: [14, 1],
    y: new Int32Array(to - from),
  });
  const config = (more: object): TrainingConfig =>
    TrainingConfig.parse({
      model: { architecture: 'forecaster', params: { hidden: 12 } },
      forecast: { steps: 2 },
      epochs: 12,
      batchSize: 20,
      optimizer: { name: 'adam', learningRate: 0.02 },
      ...more,
    });
  const run = (c: TrainingConfig) =>
    trainFromConfig({ config: c, createSession, train: part(0, 200), validation: part(200, count), classes: 1 });

  it('builds a network with as many outputs, and learns: R2 above 0.95', async () => {
    const result = await run(config({}));
    expect(result.metrics.r2).toBeGreaterThan(0.95);
    const output = result.model.graph.outputs[0]!.type;
    expect(output?.kind === 'tensor' && output.shape?.at(-1)).toBe(2);
  });

  it('refuses losses of classes', async () => {
    await expect(run(config({ loss: { kind: 'hinge' } }))).rejects.toMatchObject({ code: 'bad-options' });
  });
});
