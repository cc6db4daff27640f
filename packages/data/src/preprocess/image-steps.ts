/** Resizing and cropping with their ways of keeping the aspect ratio. */
import type { StepOf } from '@verge/contracts';
import { DataError } from '../errors.js';
import { crop, place } from './image.js';
import { resize } from './resize.js';
import type { Sample } from './sample.js';

/** Python's round: half to even. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Within [height, width], the aspect ratio kept; sizes and place as Pillow's ImageOps.pad has them. */
function letterbox(sample: Sample, step: StepOf<'resize'>): Sample {
  const [height, width] = step.size;
  const own = sample.width / sample.height;
  const wanted = width / height;
  // One row or column at least stays of what is very narrow; Pillow leaves nothing of it.
  const side = (length: number): number => Math.max(1, roundHalfEven(length));
  const rows = own > wanted ? side((sample.height / sample.width) * width) : height;
  const columns = own < wanted ? side((sample.width / sample.height) * height) : width;
  const inside = resize(sample, rows, columns, step.filter);
  const top = roundHalfEven((height - rows) / 2);
  const left = roundHalfEven((width - columns) / 2);
  return { ...sample, ...place(inside, top, left, height, width, step.fill ?? 0) };
}

/** Height and width with the aspect ratio kept, the shorter of them being `side`; the longer one's fraction is cut off. */
export function shorterSide(height: number, width: number, side: number): [number, number] {
  const ratio = side / Math.min(height, width);
  const long = (length: number): number => Math.max(side, Math.trunc(length * ratio + 1e-9));
  return height <= width ? [side, long(width)] : [long(height), side];
}

export function resizeStep(sample: Sample, step: StepOf<'resize'>): Sample {
  const [height, width] = step.size;
  if (step.fit === 'letterbox') return letterbox(sample, step);
  const [rows, columns] =
    step.fit === 'stretch' ? [height, width] : shorterSide(sample.height, sample.width, Math.min(height, width));
  return { ...sample, ...resize(sample, rows, columns, step.filter) };
}

export function centerCrop(sample: Sample, { size: [height, width], rounding }: StepOf<'center-crop'>): Sample {
  if (sample.height < height || sample.width < width) {
    throw new DataError(
      'shape-mismatch',
      `center-crop to ${height}x${width} of an image of ${sample.height}x${sample.width}`,
    );
  }
  const half = rounding === 'half-even' ? roundHalfEven : Math.floor;
  const [top, left] = [half((sample.height - height) / 2), half((sample.width - width) / 2)];
  return { ...sample, ...crop(sample, top, left, height, width) };
}
