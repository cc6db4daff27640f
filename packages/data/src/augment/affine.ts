/** Shift, rotation, scale and mirror as one affine map a sample, sampled bilinearly, zero outside. */
import type { AugmentationConfig } from '@verge/contracts';
import type { Random } from '../random.js';
import type { ImageShape } from './shapes.js';

/** Source row = rr * y + rc * x + r0, source column = cr * y + cc * x + c0. */
interface Affine {
  rr: number;
  rc: number;
  r0: number;
  cr: number;
  cc: number;
  c0: number;
}

function drawAffine(random: Random, config: AugmentationConfig, { height, width }: ImageShape): Affine {
  const dy = random.symmetric(config.shift);
  const dx = random.symmetric(config.shift);
  const angle = (random.symmetric(config.rotate) * Math.PI) / 180;
  const zoom = 1 / (1 + random.symmetric(config.scale));
  const mirror = config.flip && random.unit() < 0.5 ? -1 : 1;
  const cos = Math.cos(angle) * zoom;
  const sin = Math.sin(angle) * zoom;
  const cy = (height - 1) / 2;
  const cx = (width - 1) / 2;
  // Inverse map: about the centre, undo the shift, then rotate and scale; the mirror acts on the target column.
  return {
    rr: cos,
    rc: sin * mirror,
    r0: cy - cos * (cy + dy) - sin * mirror * (cx + dx),
    cr: -sin,
    cc: cos * mirror,
    c0: cx + sin * (cy + dy) - cos * mirror * (cx + dx),
  };
}

/** One target pixel near the border, where some of its four neighbours lie outside. */
function borderPixel(from: Float32Array, at: number, { height, width }: ImageShape, r: number, c: number): number {
  const [r0, c0] = [Math.floor(r), Math.floor(c)];
  const [fr, fc] = [r - r0, c - c0];
  const tap = (y: number, x: number): number =>
    y >= 0 && y < height && x >= 0 && x < width ? (from[at + y * width + x] as number) : 0;
  const top = tap(r0, c0) * (1 - fc) + tap(r0, c0 + 1) * fc;
  const bottom = tap(r0 + 1, c0) * (1 - fc) + tap(r0 + 1, c0 + 1) * fc;
  return top * (1 - fr) + bottom * fr;
}

/** Most pixels have four neighbours inside: one comparison tells, and the taps need no further ones. */
function warpPlane(from: Float32Array, to: Float32Array, at: number, image: ImageShape, m: Affine): void {
  const { height, width } = image;
  const [lastRow, lastColumn] = [height - 1, width - 1];
  const { rc, r0, cc, c0 } = m;
  for (let y = 0, out = at; y < height; y++) {
    const [ry, cy] = [m.rr * y, m.cr * y];
    for (let x = 0; x < width; x++, out++) {
      const r = ry + rc * x + r0;
      const c = cy + cc * x + c0;
      if (r >= 0 && r < lastRow && c >= 0 && c < lastColumn) {
        const row = r | 0;
        const column = c | 0;
        const fr = r - row;
        const fc = c - column;
        const tap = at + row * width + column;
        const below = tap + width;
        const top = (from[tap] as number) * (1 - fc) + (from[tap + 1] as number) * fc;
        const bottom = (from[below] as number) * (1 - fc) + (from[below + 1] as number) * fc;
        to[out] = top * (1 - fr) + bottom * fr;
      } else if (r > -1 && r < height && c > -1 && c < width) to[out] = borderPixel(from, at, image, r, c);
      else to[out] = 0;
    }
  }
}

/** Mirrors left and right in place; what the affine map does when nothing else is drawn. */
export function mirror(sample: Float32Array, { width }: ImageShape): void {
  for (let row = 0; row < sample.length; row += width) sample.subarray(row, row + width).reverse();
}

export function affine(
  sample: Float32Array,
  scratch: Float32Array,
  image: ImageShape,
  config: AugmentationConfig,
  random: Random,
): void {
  const map = drawAffine(random, config, image);
  if (config.shift === 0 && config.rotate === 0 && config.scale === 0) {
    if (map.cc < 0) mirror(sample, image);
    return;
  }
  scratch.set(sample);
  const plane = image.height * image.width;
  for (let at = 0; at < sample.length; at += plane) warpPlane(scratch, sample, at, image, map);
}
