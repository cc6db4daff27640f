/** Changes of series and spectrograms. */
import type { Random } from '../random.js';
import type { SeriesShape } from './shapes.js';

/** All times moved by up to `limit`, zeros where nothing was. */
export function shiftTime(
  sample: Float32Array,
  scratch: Float32Array,
  series: SeriesShape,
  limit: number,
  random: Random,
): void {
  const { planes, times, bands, timeStep, bandStep } = series;
  const by = Math.floor(random.unit() * (2 * limit + 1)) - limit;
  scratch.set(sample);
  sample.fill(0);
  for (let plane = 0; plane < planes; plane++) {
    for (let band = 0; band < bands; band++) {
      const base = plane * times * bands + band * bandStep;
      for (let time = Math.max(0, by); time < Math.min(times, times + by); time++) {
        sample[base + time * timeStep] = scratch[base + (time - by) * timeStep] as number;
      }
    }
  }
}

interface Masks {
  readonly count: number;
  /** Widest mask, in times or bands. */
  readonly width: number;
}

function meanOf(sample: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < sample.length; i++) sum += sample[i] as number;
  return sum / sample.length;
}

/**
 * Runs of times or bands set to the sample's mean (SpecAugment, arXiv:1904.08779, section 2: each width drawn from 0 to
 * the parameter F or T, each start uniformly; zero on features of mean zero is the mean).
 */
export function mask(
  sample: Float32Array,
  series: SeriesShape,
  axis: 'time' | 'band',
  { count, width }: Masks,
  random: Random,
): void {
  const { planes, times, bands, timeStep, bandStep } = series;
  const [length, step, others, otherStep] =
    axis === 'time' ? [times, timeStep, bands, bandStep] : [bands, bandStep, times, timeStep];
  const mean = meanOf(sample);
  for (let m = 0; m < count; m++) {
    const wide = Math.floor(random.unit() * (Math.min(width, length) + 1));
    const start = Math.floor(random.unit() * (length - wide + 1));
    for (let plane = 0; plane < planes; plane++) {
      for (let other = 0; other < others; other++) {
        const base = plane * times * bands + other * otherStep;
        for (let i = start; i < start + wide; i++) sample[base + i * step] = mean;
      }
    }
  }
}
