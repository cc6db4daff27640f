import { Preprocess } from '@verge/contracts';
import { describe, expect, it } from 'vitest';
import type { DataError } from '../../errors.js';
import { checkPreprocess } from '../check.js';
import { preprocessArray, preprocessEncoded, preprocessRecording } from '../pipeline.js';
import { logMel } from './features.js';
import { doubles, furthest, golden, signal, stepOf } from './test-golden.js';
import { wav } from './test-wav.js';
import { decodeWav } from './wav.js';

describe('pipelines of recordings and series', () => {
  const parse = (json: unknown): Preprocess => {
    const pipeline = Preprocess.parse(json);
    checkPreprocess(pipeline);
    return pipeline;
  };
  const mels = { op: 'log-mel', rate: 8000, fft: 256, hop: 128, mels: 40 } as const;

  it('goes from a WAV file to an image of one channel', async () => {
    const pipeline = parse({
      input: { kind: 'audio' },
      steps: [
        { op: 'resample', rate: 8000 },
        { op: 'pre-emphasis' },
        { op: 'fit-length', steps: 3000, keep: 'center' },
        mels,
        { op: 'normalize', mean: Array.from({ length: 40 }, (_, i) => -i), std: [2] },
        { op: 'to-image' },
      ],
      output: { layout: 'CHW', shape: [1, 24, 40] },
    });
    const found = await preprocessEncoded(pipeline, wav(signal));
    // The same by hand.
    const { samples } = decodeWav(wav(signal));
    const padded = new Float32Array(3000);
    samples.forEach((v, i) => (padded[500 + i] = i === 0 ? v : v - 0.97 * samples[i - 1]!));
    const expected = logMel(padded, stepOf(mels)).map((v, i) => (v + (i % 40)) / 2);
    // float32 between the steps.
    expect(furthest(found, expected)).toBeLessThan(1e-4);
    await expect(preprocessEncoded(pipeline, Buffer.from('RIFF'))).rejects.toMatchObject({ code: 'malformed' });
  });

  it('emphasises as a filter does', () => {
    const pipeline = parse({
      input: { kind: 'array', shape: [2000, 1], layout: 'TC' },
      steps: [{ op: 'pre-emphasis' }],
      output: { layout: 'TC', shape: [2000, 1] },
    });
    // float32 of values below 1.
    expect(furthest(preprocessArray(pipeline, signal), doubles(golden.preEmphasis))).toBeLessThan(1e-7);
  });

  it('cuts and pads around what is kept', () => {
    const fit = (steps: number, keep: string, shape = [4, 2]): number[] => [
      ...preprocessArray(
        parse({
          input: { kind: 'array', shape, layout: 'TC' },
          steps: [{ op: 'fit-length', steps, keep, value: -1 }],
          output: { layout: 'TC', shape: [steps, 2] },
        }),
        Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7),
      ),
    ];
    expect(fit(5, 'start')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, -1, -1]);
    expect(fit(5, 'end')).toEqual([-1, -1, 0, 1, 2, 3, 4, 5, 6, 7]);
    expect(fit(6, 'center')).toEqual([-1, -1, 0, 1, 2, 3, 4, 5, 6, 7, -1, -1]);
    expect(fit(2, 'start')).toEqual([0, 1, 2, 3]);
    expect(fit(2, 'end')).toEqual([4, 5, 6, 7]);
    expect(fit(2, 'center')).toEqual([2, 3, 4, 5]);
  });

  it('standardises a sample by its own figures, and normalises channels by stored ones', () => {
    const input = { kind: 'array', shape: [3, 2], layout: 'TC' };
    const output = { layout: 'CT', shape: [2, 3] };
    const x = Float32Array.of(1, 10, 2, 20, 3, 30);
    const own = (over: string): number[] => [
      ...preprocessArray(parse({ input, steps: [{ op: 'standardize', over, epsilon: 1e-12 }], output }), x),
    ];
    const z = Math.sqrt(1.5);
    expect(furthest(own('channel'), [-z, 0, z, -z, 0, z])).toBeLessThan(1e-6);
    const deviation = Math.sqrt([1, 10, 2, 20, 3, 30].reduce((a, v) => a + (v - 11) ** 2, 0) / 6);
    expect(
      furthest(
        own('all'),
        [1, 2, 3, 10, 20, 30].map((v) => (v - 11) / deviation),
      ),
    ).toBeLessThan(1e-6);
    const stored = parse({ input, steps: [{ op: 'normalize', mean: [1, 10], std: [1, 5] }], output });
    expect([...preprocessArray(stored, x)]).toEqual([0, 1, 2, 0, 2, 4]);
    const vector = parse({
      input: { kind: 'array', shape: [2], layout: 'N' },
      steps: [{ op: 'normalize', mean: [1, 2], std: [2, 4] }],
      output: { layout: 'N', shape: [2] },
    });
    expect([...preprocessArray(vector, Float32Array.of(3, 6))]).toEqual([1, 1]);
  });

  it('refuses recordings of another rate and those too short for a frame', () => {
    const pipeline = (steps: unknown[]): Preprocess =>
      parse({
        input: { kind: 'audio' },
        steps: [...steps, { ...mels, center: false }, { op: 'fit-length', steps: 4 }],
        output: { layout: 'TC', shape: [4, 40] },
      });
    const recording = (n: number, rate: number) => ({ samples: signal.subarray(0, n), rate, channels: 1 });
    const mismatch = expect.objectContaining({ code: 'shape-mismatch' });
    expect(() => preprocessRecording(pipeline([]), recording(2000, 16_000))).toThrow(mismatch);
    expect(() => preprocessRecording(pipeline([]), recording(200, 8000))).toThrow(mismatch);
    expect(() =>
      preprocessRecording(pipeline([{ op: 'resample', rate: 8000, from: 11_025 }]), recording(2000, 16_000)),
    ).toThrow(mismatch);
    expect(preprocessRecording(pipeline([{ op: 'resample', rate: 8000 }]), recording(2000, 16_000))).toHaveLength(160);
  });

  it('names every fault of a pipeline before it runs', () => {
    const problems = (json: unknown): readonly string[] => {
      try {
        checkPreprocess(Preprocess.parse(json));
      } catch (error) {
        return (error as DataError).problems;
      }
      return [];
    };
    const output = { layout: 'TC', shape: [4, 2] };
    expect(
      problems({
        input: { kind: 'array', shape: [100, 2], layout: 'TC' },
        steps: [
          { op: 'resize', size: [2, 2] },
          { ...mels, window: 300, fmin: 4000 },
          { op: 'to-image' },
          { op: 'fit-length', steps: 4 },
        ],
        output,
      }),
    ).toEqual([
      'steps[0]: resize needs an image, the input is a series',
      'steps[1]: log-mel needs one channel, there are 2',
      'steps[1]: log-mel: a window of 300 does not fit 256 points',
      'steps[1]: log-mel: fmin 4000 is not below fmax 4000',
      'steps[3]: fit-length needs a series, the input is an image',
    ]);
    expect(
      problems({
        input: { kind: 'array', shape: [1000, 1], layout: 'TC' },
        steps: [
          { op: 'resample', rate: 16_000 },
          { ...mels, op: 'mfcc', coefficients: 41, fmax: 4001 },
          { op: 'normalize', mean: [1, 2], std: [1] },
        ],
        output,
      }),
    ).toEqual([
      'steps[0]: resample: an array needs `from`, the rate that it has',
      'steps[1]: mfcc: fmax 4001 is above half the rate',
      'steps[1]: mfcc: 41 coefficients of 40 bands',
      'steps[1]: mfcc is for 8000 Hz, the recording has 16000 Hz: resample it first',
      'steps[2]: mean has 2 entries, expected 1 or 41',
    ]);
    expect(problems({ input: { kind: 'audio' }, steps: [{ op: 'fit-length', steps: 999 }, mels], output })).toEqual([
      'output: the steps yield [8, 40] as TC, the pipeline promises [4, 2]',
    ]);
  });
});
