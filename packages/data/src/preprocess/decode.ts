import type SharpFunction from 'sharp';
import { DataError, messageOf } from '../errors.js';
import { decodeBmp, isBmp } from './bmp.js';
import type { Image } from './image.js';

type Sharp = typeof SharpFunction;
let loading: Promise<Sharp> | undefined;

/** Loaded on first use: arrays need no image library, and its native code takes memory. */
function sharp(): Promise<Sharp> {
  loading ??= import('sharp').then((module) => {
    module.default.cache(false);
    module.default.concurrency(1);
    return module.default;
  });
  return loading;
}

/** Largest image decoded unless told otherwise: 8192 x 8192. */
export const defaultMaxPixels = 8192 * 8192;

/**
 * Decodes a JPEG, PNG, WebP, GIF (first frame), TIFF, AVIF or BMP to 8-bit RGB; transparency is dropped, EXIF
 * orientation stays as stored.
 * @throws DataError `malformed` when the bytes are no readable image, also when they hold more than `maxPixels`
 */
export async function decodeImage(bytes: Uint8Array, maxPixels = defaultMaxPixels): Promise<Image> {
  if (isBmp(bytes)) return decodeBmp(bytes);
  const library = await sharp();
  try {
    const { data, info } = await library(bytes, { limitInputPixels: maxPixels, failOn: 'error' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const image: Image = { height: info.height, width: info.width, channels: info.channels, data: pixels };
    if (info.channels === 3) return image;
    if (info.channels !== 1) throw new DataError('malformed', `an image with ${info.channels} channels`);
    const rgb = new Uint8Array(pixels.length * 3);
    for (let i = 0; i < pixels.length; i++) rgb.fill(pixels[i] as number, 3 * i, 3 * i + 3);
    return { ...image, channels: 3, data: rgb };
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError('malformed', `no readable image: ${messageOf(cause)}`, { cause });
  }
}
