import { describe, expect, it } from 'vitest';
import { Preprocess } from '@verge/contracts';
import { checkPreprocess } from './check.js';
import { preprocessArray, preprocessImage } from './pipeline.js';

const parse = (value: unknown): Preprocess => Preprocess.parse(value);
const ramp = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => i);

describe('preprocessing', () => {
  it('normalises channels and lays them out as the model reads them', () => {
    const pipeline = parse({
      input: { kind: 'image' },
      steps: [
        { op: 'scale', scale: 1 / 255 },
        { op: 'normalize', mean: [0.5, 0.25, 0], std: [0.5, 0.25, 1] },
      ],
      output: { layout: 'CHW', shape: [3, 1, 2] },
    });
    const data = Uint8Array.of(255, 0, 51, 0, 255, 102);
    const out = preprocessImage(pipeline, { height: 1, width: 2, channels: 3, data });
    // (x / 255 - mean) / std, one plane a channel.
    [1, -1, -1, 3, 0.2, 0.4].forEach((v, i) => expect(out[i]).toBeCloseTo(v, 6));
  });

  it('crops the centre and swaps to BGR', () => {
    const pipeline = parse({
      input: { kind: 'image' },
      steps: [
        { op: 'center-crop', size: [1, 1] },
        { op: 'color', to: 'bgr' },
      ],
      output: { layout: 'HWC', shape: [1, 1, 3], dtype: 'uint8' },
    });
    const out = preprocessImage(pipeline, { height: 3, width: 3, channels: 3, data: ramp(27) });
    expect(out).toEqual(Uint8Array.of(14, 13, 12));
  });

  it('keeps the aspect ratio when asked: the shorter side becomes the size', () => {
    const pipeline = parse({
      input: { kind: 'image' },
      steps: [
        { op: 'resize', size: [4, 4], fit: 'shorter-side' },
        { op: 'center-crop', size: [4, 4] },
        { op: 'color', to: 'gray' },
      ],
      output: { layout: 'HW', shape: [4, 4], dtype: 'uint8' },
    });
    const wide = { height: 8, width: 12, channels: 3, data: ramp(8 * 12 * 3) };
    expect(preprocessImage(pipeline, wide)).toHaveLength(16);
    const tall = { height: 12, width: 8, channels: 3, data: ramp(8 * 12 * 3) };
    expect(preprocessImage(pipeline, tall)).toHaveLength(16);
  });

  it('takes arrays in any layout', () => {
    const toHwc = parse({
      input: { kind: 'array', shape: [2, 1, 3], layout: 'CHW' },
      steps: [],
      output: { layout: 'HWC', shape: [1, 3, 2], dtype: 'uint8' },
    });
    expect(preprocessArray(toHwc, ramp(6))).toEqual(Uint8Array.of(0, 3, 1, 4, 2, 5));
    const vector = parse({
      input: { kind: 'array', shape: [3], layout: 'N' },
      steps: [{ op: 'normalize', mean: [1], std: [2] }],
      output: { layout: 'N', shape: [3] },
    });
    expect(preprocessArray(vector, Float32Array.of(1, 3, 5))).toEqual(Float32Array.of(0, 1, 2));
  });

  it('rounds and clamps to bytes where the model reads bytes', () => {
    const pipeline = parse({
      input: { kind: 'array', shape: [4], layout: 'N' },
      steps: [{ op: 'scale', scale: 2, offset: -10 }],
      output: { layout: 'N', shape: [4], dtype: 'uint8' },
    });
    expect(preprocessArray(pipeline, Float32Array.of(0, 5.3, 100, 200))).toEqual(Uint8Array.of(0, 1, 190, 255));
  });

  it('refuses samples, crops and promises that do not fit', () => {
    const pipeline = parse({
      input: { kind: 'array', shape: [2, 2], layout: 'HW' },
      steps: [],
      output: { layout: 'HW', shape: [2, 3] },
    });
    expect(() => preprocessArray(pipeline, ramp(4))).toThrow(expect.objectContaining({ code: 'shape-mismatch' }));
    expect(() => preprocessArray(pipeline, ramp(5))).toThrow(expect.objectContaining({ code: 'shape-mismatch' }));
    const crop = parse({
      input: { kind: 'image' },
      steps: [{ op: 'center-crop', size: [4, 4] }],
      output: { layout: 'HWC', shape: [4, 4, 3] },
    });
    const image = { height: 3, width: 9, channels: 3, data: ramp(81) };
    expect(() => preprocessImage(crop, image)).toThrow(expect.objectContaining({ code: 'shape-mismatch' }));
  });

  it('names every fault of a pipeline before it runs', () => {
    const bad = parse({
      input: { kind: 'array', shape: [8, 8, 3], layout: 'HW' },
      steps: [{ op: 'normalize', mean: [0, 0], std: [1] }],
      output: { layout: 'CHW', shape: [8, 8] },
    });
    expect(() => checkPreprocess(bad)).toThrow(
      expect.objectContaining({
        code: 'bad-preprocess',
        problems: [
          expect.stringContaining('input'),
          expect.stringContaining('output'),
          expect.stringContaining('steps[0]'),
        ],
      }),
    );
  });
});
