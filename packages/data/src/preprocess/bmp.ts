/** Uncompressed Windows bitmaps (BITMAPINFOHEADER, 8-bit palette, 24 and 32 bit), which sharp does not read. */
import { DataError } from '../errors.js';
import type { Image } from './image.js';

export const isBmp = (bytes: Uint8Array): boolean => bytes[0] === 0x42 && bytes[1] === 0x4d;

/** @returns 8-bit RGB */
export function decodeBmp(bytes: Uint8Array): Image {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (why: string): never => {
    throw new DataError('malformed', `bitmap: ${why}`);
  };
  if (bytes.length < 54) fail('the header is cut off');
  const start = view.getUint32(10, true);
  const headerSize = view.getUint32(14, true);
  const width = view.getInt32(18, true);
  const signedHeight = view.getInt32(22, true);
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  const height = Math.abs(signedHeight);
  if (headerSize < 40 || width < 1 || height < 1) fail(`a header of ${headerSize} bytes, ${width}x${height}`);
  if (![8, 24, 32].includes(bits) || (compression !== 0 && !(compression === 3 && bits === 32))) {
    fail(`${bits} bits a pixel with compression ${compression}; 8, 24 and 32 uncompressed are read`);
  }
  const stride = Math.ceil((width * bits) / 32) * 4;
  if (bytes.length < start + stride * height) fail('the pixels are cut off');
  const palette = 14 + headerSize;
  const data = new Uint8Array(width * height * 3);
  let at = 0;
  for (let y = 0; y < height; y++) {
    const row = start + stride * (signedHeight > 0 ? height - 1 - y : y);
    for (let x = 0; x < width; x++) {
      const from = bits === 8 ? palette + 4 * (bytes[row + x] as number) : row + x * (bits / 8);
      data[at++] = bytes[from + 2] as number;
      data[at++] = bytes[from + 1] as number;
      data[at++] = bytes[from] as number;
    }
  }
  return { height, width, channels: 3, data };
}
