/**
 * Seeded augmentation of small images: one affine map a sample (shift, rotation, scale, mirror), sampled bilinearly,
 * zero outside. Pure: the result depends on the arguments alone.
 */
import type { AugmentationConfig } from '@verge/contracts';
import { DataError } from './errors.js';
import { Random } from './random.js';

interface Affine {
  /** Source row = rr * y + rc * x + r0, source column = cr * y + cc * x + c0. */
  rr: number;
  rc: number;
  r0: number;
  cr: number;
  cc: number;
  c0: number;
}

function drawAffine(random: Random, config: AugmentationConfig, height: number, width: number): Affine {
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

function warpPlane(from: Float32Array, to: Float32Array, height: number, width: number, m: Affine): void {
  const at = (r: number, c: number): number =>
    r >= 0 && r < height && c >= 0 && c < width ? (from[r * width + c] as number) : 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const r = m.rr * y + m.rc * x + m.r0;
      const c = m.cr * y + m.cc * x + m.c0;
      const r0 = Math.floor(r);
      const c0 = Math.floor(c);
      const fr = r - r0;
      const fc = c - c0;
      const top = at(r0, c0) * (1 - fc) + at(r0, c0 + 1) * fc;
      const bottom = at(r0 + 1, c0) * (1 - fc) + at(r0 + 1, c0 + 1) * fc;
      to[y * width + x] = top * (1 - fr) + bottom * fr;
    }
  }
}

/**
 * Augments a batch of images.
 * @param x images, row-major `[count, channels, height, width]` or `[count, height, width]`
 * @param shape shape of one image: `[channels, height, width]` or `[height, width]`
 * @param seed same seed, same result; sample i draws from its own stream, so the batch size does not matter
 * @returns new images of the same shape
 * @throws DataError `shape-mismatch` for samples that are no images
 */
export function augmentBatch(
  x: Float32Array,
  shape: readonly number[],
  config: AugmentationConfig,
  seed: number,
): Float32Array {
  if (shape.length !== 2 && shape.length !== 3) {
    throw new DataError(
      'shape-mismatch',
      `augmentation needs [channels, height, width] or [height, width], not [${shape.join(', ')}]`,
    );
  }
  const [height, width] = shape.slice(-2) as [number, number];
  const plane = height * width;
  const channels = shape.length === 3 ? (shape[0] as number) : 1;
  const out = new Float32Array(x.length);
  for (let i = 0; i < x.length / (plane * channels); i++) {
    const map = drawAffine(new Random(Math.imul(seed, 0x85ebca6b) + i), config, height, width);
    for (let c = 0; c < channels; c++) {
      const at = (i * channels + c) * plane;
      warpPlane(x.subarray(at, at + plane), out.subarray(at, at + plane), height, width, map);
    }
  }
  return out;
}
