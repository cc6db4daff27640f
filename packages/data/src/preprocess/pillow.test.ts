import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeImage } from './decode.js';
import { toGray } from './image.js';
import { resize, type Filter } from './resize.js';

// Written by goldens/pillow.py (the version of Pillow is in the file); arrays are base64 of their bytes.
const golden = JSON.parse(readFileSync(new URL('./pillow.golden.json', import.meta.url), 'utf8')) as {
  height: number;
  width: number;
  rgb: string;
  gray: string;
  resize: { filter: Filter; size: [number, number]; expected: string }[];
  float: Record<Filter, string>;
  files: Record<'rgb' | 'png' | 'pngAlpha' | 'bmp' | 'bmpPalette' | 'palette' | 'pngGray' | 'gray', string>;
};
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const { height, width } = golden;
const rgb = bytes(golden.rgb);

describe('against Pillow', () => {
  it.each(golden.resize)('resizes 8-bit images to $size by $filter, bit for bit', ({ filter, size, expected }) => {
    expect(resize({ height, width, channels: 3, data: rgb }, ...size, filter).data).toEqual(bytes(expected));
  });

  it.each(Object.keys(golden.float) as Filter[])('resizes float images by %s', (filter) => {
    const red = Float32Array.from(
      { length: height * width },
      (_, i) => Math.fround(rgb[3 * i]! / 255) - Math.fround(0.3),
    );
    const { data } = resize({ height, width, channels: 1, data: red }, 7, 9, filter);
    const expected = new Float32Array(bytes(golden.float[filter]).buffer);
    // Pillow rounds to float32 after each direction, as here; the sums may differ in the last bit.
    expected.forEach((v, i) => expect(Math.abs(data[i]! - v)).toBeLessThan(1e-6));
  });

  it('weighs colours to gray, bit for bit', () => {
    expect(toGray({ height, width, channels: 3, data: rgb }).data).toEqual(bytes(golden.gray));
  });

  it.each([
    ['png', 'rgb'],
    ['pngAlpha', 'rgb'],
    ['bmp', 'rgb'],
    ['bmpPalette', 'palette'],
  ] as const)('decodes %s to RGB', async (file, expected) => {
    const image = await decodeImage(bytes(golden.files[file]));
    expect(image).toMatchObject({ height: 5, width: 7, channels: 3 });
    expect(image.data).toEqual(bytes(golden.files[expected]));
  });

  it('decodes gray images to three equal channels', async () => {
    const image = await decodeImage(bytes(golden.files.pngGray));
    expect(toGray(image).data).toEqual(bytes(golden.files.gray));
  });

  it('refuses what is no image, with a code', async () => {
    for (const file of [
      Uint8Array.of(1, 2, 3),
      bytes(golden.files.png).subarray(0, 60),
      bytes(golden.files.bmp).subarray(0, 80),
    ]) {
      await expect(decodeImage(file)).rejects.toMatchObject({ code: 'malformed' });
    }
    await expect(decodeImage(bytes(golden.files.png), 10)).rejects.toMatchObject({ code: 'malformed' });
  });
});
