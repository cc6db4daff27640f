import { readFileSync } from 'node:fs';
import { Preprocess } from '@verge/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../errors.js';
import { checkPreprocess } from '../check.js';
import { preprocessArray, preprocessEncoded, preprocessRecording } from '../pipeline.js';
import { logMel, mfcc, type MelStep } from './features.js';
import { resample } from './resample.js';
import { trimSilence } from './silence.js';
import { wav } from './test-wav.js';
import { decodeWav } from './wav.js';

interface Case {
  step: Record<string, unknown>;
  expected: string;
}
const golden = JSON.parse(readFileSync(new URL('./audio.golden.json', import.meta.url), 'utf8')) as {
  rate: number;
  signal: string;
  logMel: Case[];
  mfcc: Case[];
  preEmphasis: string;
  trim: { step: { topDb: number; frame: number; hop: number }; range: [number, number] }[];
  resample: { from: number; to: number; expected: string }[];
  wav: { name: string; file: string; rate: number; channels: number; expected: string }[];
};
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const doubles = (text: string): Float64Array => new Float64Array(bytes(text).buffer);
const signal = new Float32Array(bytes(golden.signal).buffer);

const stepOf = (step: object): MelStep => Preprocess.shape.steps.parse([{ rate: golden.rate, ...step }])[0] as MelStep;
const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
};

describe('recordings', () => {
  it.each(golden.wav)('decodes $name as libsndfile does', ({ file, rate, channels, expected }) => {
    const found = decodeWav(bytes(file));
    expect(found).toMatchObject({ rate, channels });
    // The mean of the channels, rounded to float32.
    expect(furthest(found.samples, doubles(expected))).toBeLessThan(6e-8);
  });

  it('passes over other chunks, also of odd length', () => {
    const file = wav([0.5, -0.25]);
    const odd = Buffer.concat([Buffer.from('LIST\x03\0\0\0abc\0', 'latin1')]);
    const found = decodeWav(Buffer.concat([file.subarray(0, 36), odd, file.subarray(36), odd]));
    expect(furthest(found.samples, [0.5, -0.25])).toBeLessThan(1e-4);
  });

  it('names what is wrong with a file', () => {
    const file = Buffer.from(wav([0.1, 0.2, 0.3, 0.4]));
    const changed = (at: number, value: number): Buffer => {
      const copy = Buffer.from(file);
      copy.writeUInt16LE(value, at);
      return copy;
    };
    const cases: [Uint8Array, string][] = [
      [file.subarray(0, 49), 'cut off: 5 of 8 bytes'],
      [file.subarray(0, 40), 'no data'],
      [file.subarray(0, 20), 'format chunk is cut off'],
      [file.subarray(0, 12), 'no format'],
      [changed(20, 2), 'format 2 with 16 bits'],
      [changed(34, 12), 'format 1 with 12 bits'],
      [changed(22, 0), 'no channel'],
      [changed(24, 0), 'rate is 0'],
      [changed(32, 3), 'blocks of 3 bytes'],
      [Buffer.from('no recording at all'), 'no RIFF/WAVE'],
      [Buffer.concat([file.subarray(0, 12), file.subarray(36)]), 'before their format'],
    ];
    for (const [bad, message] of cases) {
      expect(() => decodeWav(bad), message).toThrow(
        expect.objectContaining({ code: 'malformed', message: expect.stringContaining(message) }),
      );
    }
    const float = bytes(golden.wav.find(({ name }) => name === 'WAV FLOAT 1')!.file);
    new DataView(float.buffer).setFloat32(float.length - 4, NaN, true);
    expect(() => decodeWav(float)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('meets any bytes, and any damage to a file, with samples or a DataError', () => {
    const attempt = (file: Uint8Array): void => {
      try {
        // One sample for each byte at the very most: what is allocated is bounded by what was given.
        expect(decodeWav(file).samples.length).toBeLessThanOrEqual(file.length);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt), { numRuns: 300 });
    const files = golden.wav.map(({ file }) => bytes(file));
    const damage = fc.record({
      which: fc.nat(files.length - 1),
      cut: fc.nat(200),
      edits: fc.array(fc.tuple(fc.nat(79), fc.nat(255)), { maxLength: 6 }),
    });
    fc.assert(
      fc.property(damage, ({ which, cut, edits }) => {
        const file = files[which]!.slice();
        for (const [at, value] of edits) file[at] = value;
        attempt(file.subarray(0, Math.max(0, file.length - cut)));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('features against librosa', () => {
  it.each(golden.logMel)('log-mel $step', ({ step, expected }) => {
    // Both in float64; the logarithm of a band without energy multiplies what rounding leaves of it.
    expect(furthest(logMel(signal, stepOf({ op: 'log-mel', ...step })), doubles(expected))).toBeLessThan(1e-7);
  });

  it.each(golden.mfcc)('mfcc $step', ({ step, expected }) => {
    const parsed = stepOf({ op: 'mfcc', ...step });
    if (parsed.op !== 'mfcc') throw new Error('expected mfcc');
    expect(furthest(mfcc(signal, parsed), doubles(expected))).toBeLessThan(1e-7);
  });

  it.each(golden.trim)('trims silence $step', ({ step, range: [from, to] }) => {
    const found = trimSilence(signal, { op: 'trim-silence', ...step });
    expect([found.byteOffset / 4, found.length]).toEqual([from, to - from]);
  });
});

describe('resampling', () => {
  it.each(golden.resample)("$from to $to Hz by SciPy's polyphase filter", ({ from, to, expected }) => {
    // float32 of values below 1.
    expect(furthest(resample(signal.subarray(0, 600), from, to), doubles(expected))).toBeLessThan(1e-7);
  });

  it('keeps what the lower rate can hold, and takes away what it cannot', () => {
    const tone = (hz: number, rate: number, n: number): Float32Array =>
      Float32Array.from({ length: n }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate));
    const low = resample(tone(1000, 44_100, 20_000), 44_100, 16_000);
    // Away from the ends, where the signal begins from nothing.
    expect(furthest(low.subarray(1000, 6000), tone(1000, 16_000, 7256).subarray(1000, 6000))).toBeLessThan(1e-4);
    const high = resample(tone(9000, 44_100, 20_000), 44_100, 16_000);
    // 80 dB down.
    expect(high.subarray(1000, 6000).reduce((a, b) => Math.max(a, Math.abs(b)), 0)).toBeLessThan(1e-4);
  });

  it('leaves the same rate alone and refuses factors that are not simple', () => {
    expect(resample(Float32Array.of(1, 2), 8000, 8000)).toEqual(Float32Array.of(1, 2));
    expect(() => resample(signal, 8000, 8001)).toThrow(expect.objectContaining({ code: 'bad-preprocess' }));
  });
});

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
