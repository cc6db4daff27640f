import { describe, expect, it } from 'vitest';
import { logMel, mfcc } from './features.js';
import { resample } from './resample.js';
import { trimSilence } from './silence.js';
import { doubles, furthest, golden, signal, stepOf } from './test-golden.js';

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
