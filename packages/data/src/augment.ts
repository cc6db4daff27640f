/**
 * Seeded augmentation of a batch. Pure: the result depends on the arguments alone, and sample i draws from a stream of its
 * own, so the batch size does not matter.
 */
import type { AugmentationConfig } from '@verge/contracts';
import { affine } from './augment/affine.js';
import { addNormal, sampleSeed } from './augment/draws.js';
import { brightness, contrast, crop, cutout, saturation } from './augment/image.js';
import { mask, shiftTime } from './augment/series.js';
import { imageShape, seriesShape } from './augment/shapes.js';
import { Random } from './random.js';

export { drawMix, mixBatch, mixRows, type Mix } from './augment/mix.js';

/** Changes a sample in place; `scratch` is as large. */
type Change = (sample: Float32Array, scratch: Float32Array, random: Random) => void;

const isGiven = (value: number | undefined): value is number => value !== undefined && value > 0;

function imageChanges(shape: readonly number[], config: AugmentationConfig): Change[] {
  const changes: Change[] = [];
  const image = () => imageShape(shape);
  if (config.shift > 0 || config.rotate > 0 || config.scale > 0 || config.flip) {
    const of = image();
    changes.push((sample, scratch, random) => affine(sample, scratch, of, config, random));
  }
  if (isGiven(config.crop)) {
    const [of, padding] = [image(), config.crop];
    changes.push((sample, scratch, random) => crop(sample, scratch, of, padding, random));
  }
  if (isGiven(config.brightness)) {
    const limit = config.brightness;
    changes.push((sample, _, random) => brightness(sample, limit, random));
  }
  if (isGiven(config.contrast)) {
    const [of, limit] = [image(), config.contrast];
    changes.push((sample, _, random) => contrast(sample, of, limit, random));
  }
  if (isGiven(config.saturation)) {
    const [of, limit] = [image(), config.saturation];
    changes.push((sample, _, random) => saturation(sample, of, limit, random));
  }
  return changes;
}

/** What hides parts comes after what moves them, so that no hole is moved or brightened. */
function laterChanges(shape: readonly number[], config: AugmentationConfig): Change[] {
  const changes: Change[] = [];
  const series = seriesShape(shape, config.timeAxis ?? 'last');
  const { timeShift, timeMasks, frequencyMasks, noise, cutout: side } = config;
  if (isGiven(timeShift)) {
    changes.push((sample, scratch, random) => shiftTime(sample, scratch, series, timeShift, random));
  }
  if (isGiven(noise)) changes.push((sample, _, random) => addNormal(sample, noise, random));
  if (timeMasks) changes.push((sample, _, random) => mask(sample, series, 'time', timeMasks, random));
  if (frequencyMasks) changes.push((sample, _, random) => mask(sample, series, 'band', frequencyMasks, random));
  if (isGiven(side)) {
    const image = imageShape(shape);
    changes.push((sample, _, random) => cutout(sample, image, side, random));
  }
  return changes;
}

/**
 * Augments a batch; mixup is not part of it (`mixBatch`), since it concerns the labels as well.
 * @param x samples, row-major
 * @param shape shape of one sample: `[channels, height, width]` or `[height, width]` for what concerns images, anything
 *   for what concerns series
 * @param seed same seed, same result
 * @returns new samples of the same shape
 * @throws DataError `shape-mismatch` when images are wanted and the samples are none
 */
export function augmentBatch(
  x: Float32Array,
  shape: readonly number[],
  config: AugmentationConfig,
  seed: number,
): Float32Array {
  const changes = [...imageChanges(shape, config), ...laterChanges(shape, config)];
  const out = x.slice();
  if (changes.length === 0) return out;
  const size = shape.reduce((a, b) => a * b, 1);
  const scratch = new Float32Array(size);
  for (let i = 0; i * size < x.length; i++) {
    const random = new Random(sampleSeed(seed, i));
    const sample = out.subarray(i * size, (i + 1) * size);
    for (const change of changes) change(sample, scratch, random);
  }
  return out;
}
