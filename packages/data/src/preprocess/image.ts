/** An image or image-like array in memory, channels last. */
export interface Image {
  height: number;
  width: number;
  channels: number;
  /** Row-major [height, width, channels]. */
  data: Uint8Array | Float32Array;
}

/** ITU-R BT.601 luma of 8-bit RGB in the 16-bit fixed point that Pillow uses (Image.convert('L')). */
const luma8 = (r: number, g: number, b: number): number => (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;

const luma = (r: number, g: number, b: number): number => 0.299 * r + 0.587 * g + 0.114 * b;

/** Three channels to one. */
export function toGray(image: Image): Image {
  const { height, width, data } = image;
  if (image.channels === 1) return image;
  const out = data instanceof Uint8Array ? new Uint8Array(height * width) : new Float32Array(height * width);
  const weigh = data instanceof Uint8Array ? luma8 : luma;
  for (let i = 0; i < out.length; i++) {
    out[i] = weigh(data[3 * i] as number, data[3 * i + 1] as number, data[3 * i + 2] as number);
  }
  return { height, width, channels: 1, data: out };
}

/** One channel to three equal ones. */
export function toRgb(image: Image): Image {
  if (image.channels === 3) return image;
  const count = image.height * image.width;
  const out = image.data instanceof Uint8Array ? new Uint8Array(3 * count) : new Float32Array(3 * count);
  for (let i = 0; i < count; i++) out.fill(image.data[i] as number, 3 * i, 3 * i + 3);
  return { ...image, channels: 3, data: out };
}

/** The first and third channel exchanged. */
export function swapRedBlue(image: Image): Image {
  const data = image.data.slice();
  for (let i = 0; i < data.length; i += 3) {
    data[i] = image.data[i + 2] as number;
    data[i + 2] = image.data[i] as number;
  }
  return { ...image, data };
}

/** The part of [height, width] that begins at (top, left). */
export function crop(image: Image, top: number, left: number, height: number, width: number): Image {
  const { channels } = image;
  const out =
    image.data instanceof Uint8Array
      ? new Uint8Array(height * width * channels)
      : new Float32Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * channels;
    out.set(image.data.subarray(from, from + width * channels), y * width * channels);
  }
  return { height, width, channels, data: out };
}

/** The image at (top, left) of one of [height, width] that is filled with `fill` elsewhere. */
export function place(image: Image, top: number, left: number, height: number, width: number, fill: number): Image {
  const { channels } = image;
  if (image.height === height && image.width === width) return image;
  const count = height * width * channels;
  const out = image.data instanceof Uint8Array ? new Uint8Array(count) : new Float32Array(count);
  out.fill(fill);
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(y * image.width * channels, (y + 1) * image.width * channels);
    out.set(row, ((top + y) * width + left) * channels);
  }
  return { height, width, channels, data: out };
}
