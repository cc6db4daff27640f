/** How the axes of a sample are meant. */
import { DataError } from '../errors.js';

export interface ImageShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** @throws DataError `shape-mismatch` for samples that are no images */
export function imageShape(shape: readonly number[]): ImageShape {
  if (shape.length !== 2 && shape.length !== 3) {
    throw new DataError(
      'shape-mismatch',
      `image augmentation needs [channels, height, width] or [height, width], not [${shape.join(', ')}]`,
    );
  }
  const [height, width] = shape.slice(-2) as [number, number];
  return { channels: shape.length === 3 ? (shape[0] as number) : 1, height, width };
}

/** A sample as planes of time and of what is measured at each time (frequencies, channels). */
export interface SeriesShape {
  readonly planes: number;
  readonly times: number;
  readonly bands: number;
  /** Elements from one time to the next, and from one band to the next. */
  readonly timeStep: number;
  readonly bandStep: number;
}

/** @param timeAxis the last axis, or the one before it where there are two */
export function seriesShape(shape: readonly number[], timeAxis: 'last' | 'second-to-last'): SeriesShape {
  const last = shape.at(-1) ?? 1;
  const before = shape.at(-2) ?? 1;
  const planes = shape.slice(0, -2).reduce((a, b) => a * b, 1);
  if (timeAxis === 'last' || shape.length < 2)
    return { planes, times: last, bands: before, timeStep: 1, bandStep: last };
  return { planes, times: before, bands: last, timeStep: last, bandStep: 1 };
}
