import { readFileSync } from 'node:fs';
import { Preprocess } from '@verge/contracts';
import { describe, expect, it } from 'vitest';
import { checkPreprocess } from './check.js';
import { preprocessImage } from './pipeline.js';

// Written by Pillow (its version is in the file); arrays are base64 of 8-bit RGB.
const golden = JSON.parse(readFileSync(new URL('./fit.golden.json', import.meta.url), 'utf8')) as {
  images: { height: number; width: number; rgb: string }[];
  letterbox: { image: number; size: [number, number]; filter: string; fill: number; expected: string }[];
  crop: { image: number; side: number; crop: number; expected: string }[];
};
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

function run(image: number, size: readonly [number, number], steps: unknown[]): Uint8Array | Float32Array {
  const output = { layout: 'HWC', shape: [...size, 3], dtype: 'uint8' };
  const pipeline = Preprocess.parse({ input: { kind: 'image' }, steps, output });
  checkPreprocess(pipeline);
  const { height, width, rgb } = golden.images[image]!;
  return preprocessImage(pipeline, { height, width, channels: 3, data: bytes(rgb) });
}

describe('fitting images into a size, against Pillow', () => {
  it.each(golden.letterbox)('letterbox of image $image to $size by $filter, bit for bit', (c) => {
    const step = { op: 'resize', size: c.size, fit: 'letterbox', filter: c.filter, fill: c.fill };
    expect(run(c.image, c.size, [step])).toEqual(bytes(c.expected));
  });

  it.each(golden.crop)('shorter side of image $image to $side, the central $crop, as torchvision, bit for bit', (c) => {
    const steps = [
      { op: 'resize', size: [c.side, c.side], fit: 'shorter-side' },
      { op: 'center-crop', size: [c.crop, c.crop], rounding: 'half-even' },
    ];
    expect(run(c.image, [c.crop, c.crop], steps)).toEqual(bytes(c.expected));
  });

  it('fills with 0 unless told otherwise, and only where there is something to fill', () => {
    const found = run(0, [41, 41], [{ op: 'resize', size: [41, 41], fit: 'letterbox' }]);
    expect([...found.subarray(0, 9 * 41 * 3)].every((v) => v === 0)).toBe(true);
    expect(() => run(0, [9, 9], [{ op: 'resize', size: [9, 9], fill: 3 }])).toThrow(
      expect.objectContaining({ problems: ['steps[0]: resize: fill is for letterbox, not stretch'] }),
    );
  });
});
