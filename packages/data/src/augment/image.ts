/** Changes of images besides the affine ones. */
import type { Random } from '../random.js';
import type { ImageShape } from './shapes.js';

/** The image set into `padding` zeros on each side, and a window of its own size cut out at random. */
export function crop(
  sample: Float32Array,
  scratch: Float32Array,
  image: ImageShape,
  padding: number,
  random: Random,
): void {
  const dy = Math.floor(random.unit() * (2 * padding + 1)) - padding;
  const dx = Math.floor(random.unit() * (2 * padding + 1)) - padding;
  const { height, width } = image;
  const [first, last] = [Math.max(0, -dx), Math.min(width, width - dx)];
  scratch.set(sample);
  sample.fill(0);
  for (let plane = 0; plane < sample.length; plane += height * width) {
    for (let y = Math.max(0, -dy); y < Math.min(height, height - dy); y++) {
      const from = plane + (y + dy) * width + dx;
      if (last > first) sample.set(scratch.subarray(from + first, from + last), plane + y * width + first);
    }
  }
}

/** A relative change drawn uniformly from 1 - limit to 1 + limit, never below 0. */
const factorOf = (limit: number, random: Random): number => Math.max(0, 1 + random.symmetric(limit));

/** Every value times one factor. */
export function brightness(sample: Float32Array, limit: number, random: Random): void {
  const factor = factorOf(limit, random);
  for (let i = 0; i < sample.length; i++) sample[i] = (sample[i] as number) * factor;
}

/** ITU-R 601 weights of red, green and blue in gray. */
const LUMA = [0.299, 0.587, 0.114] as const;

function grayAt(sample: Float32Array, plane: number, i: number): number {
  return (
    LUMA[0] * (sample[i] as number) +
    LUMA[1] * (sample[plane + i] as number) +
    LUMA[2] * (sample[2 * plane + i] as number)
  );
}

/** The distance of every value to the image's mean gray times one factor. */
export function contrast(
  sample: Float32Array,
  { channels, height, width }: ImageShape,
  limit: number,
  random: Random,
): void {
  const factor = factorOf(limit, random);
  const plane = height * width;
  let sum = 0;
  if (channels === 3) for (let i = 0; i < plane; i++) sum += grayAt(sample, plane, i);
  else for (let i = 0; i < sample.length; i++) sum += sample[i] as number;
  const mean = sum / (channels === 3 ? plane : sample.length);
  for (let i = 0; i < sample.length; i++) sample[i] = mean + ((sample[i] as number) - mean) * factor;
}

/** The distance of every pixel to its own gray times one factor; images that are not of three channels stay. */
export function saturation(
  sample: Float32Array,
  { channels, height, width }: ImageShape,
  limit: number,
  random: Random,
): void {
  const factor = factorOf(limit, random);
  if (channels !== 3) return;
  const plane = height * width;
  for (let i = 0; i < plane; i++) {
    const gray = grayAt(sample, plane, i);
    for (let at = i; at < sample.length; at += plane) sample[at] = gray + ((sample[at] as number) - gray) * factor;
  }
}

/** A square of zeros around a random pixel, cut off at the border (DeVries and Taylor, arXiv:1708.04552). */
export function cutout(sample: Float32Array, { height, width }: ImageShape, side: number, random: Random): void {
  const top = Math.floor(random.unit() * height) - (side >> 1);
  const left = Math.floor(random.unit() * width) - (side >> 1);
  const [first, last] = [Math.max(0, left), Math.min(width, left + side)];
  for (let plane = 0; plane < sample.length; plane += height * width) {
    for (let y = Math.max(0, top); y < Math.min(height, top + side); y++) {
      sample.fill(0, plane + y * width + first, plane + y * width + last);
    }
  }
}
