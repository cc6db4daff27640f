/** What travels through a pipeline, and how it comes in from and goes out to the layouts of arrays. */
import type { Preprocess } from '@verge/contracts';
import { DataError } from '../errors.js';
import type { Elements } from '../samples.js';
import type { Image } from './image.js';

/**
 * An image; or a series of `width` steps with `channels` at each, which is one row high; or a vector, which is a series of
 * one step.
 */
export interface Sample extends Image {
  readonly kind: 'image' | 'series';
  /** Hz of a recording, where it is known. */
  readonly rate?: number;
}

type Layout = Preprocess['output']['layout'];

/** [rows, columns] to [columns, rows]. */
export function exchange<T extends Elements>(data: T, rows: number, columns: number): T {
  const out = data.slice() as T;
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c] as number;
  return out;
}

interface Axes {
  readonly rank: number;
  readonly kind: Sample['kind'];
  /** height, width and channels of an array of this shape. */
  sizes(shape: readonly number[]): [number, number, number];
  /** Whether the channels come first. */
  readonly channelsFirst: boolean;
  /** The shape of a sample in this layout. */
  shape(height: number, width: number, channels: number): number[];
}

const dim = (shape: readonly number[], axis: number): number => shape[axis] as number;

export const layouts: Readonly<Record<Layout, Axes>> = {
  HW: {
    rank: 2,
    kind: 'image',
    sizes: (s) => [dim(s, 0), dim(s, 1), 1],
    channelsFirst: false,
    shape: (h, w, c) => (c === 1 ? [h, w] : [h, w, c]),
  },
  HWC: {
    rank: 3,
    kind: 'image',
    sizes: (s) => [dim(s, 0), dim(s, 1), dim(s, 2)],
    channelsFirst: false,
    shape: (h, w, c) => [h, w, c],
  },
  CHW: {
    rank: 3,
    kind: 'image',
    sizes: (s) => [dim(s, 1), dim(s, 2), dim(s, 0)],
    channelsFirst: true,
    shape: (h, w, c) => [c, h, w],
  },
  TC: {
    rank: 2,
    kind: 'series',
    sizes: (s) => [1, dim(s, 0), dim(s, 1)],
    channelsFirst: false,
    shape: (h, w, c) => [h * w, c],
  },
  CT: {
    rank: 2,
    kind: 'series',
    sizes: (s) => [1, dim(s, 1), dim(s, 0)],
    channelsFirst: true,
    shape: (h, w, c) => [c, h * w],
  },
  N: {
    rank: 1,
    kind: 'series',
    sizes: (s) => [1, 1, dim(s, 0)],
    channelsFirst: false,
    shape: (h, w, c) => [h * w * c],
  },
};

/** @throws DataError `shape-mismatch`, `bad-preprocess` when the pipeline reads no arrays */
export function sampleOf(input: Preprocess['input'], data: Elements): Sample {
  if (input.kind !== 'array')
    throw new DataError('bad-preprocess', `the pipeline reads encoded files (${input.kind}), it was given an array`);
  const { shape, layout } = input;
  const count = shape.reduce((a, b) => a * b, 1);
  if (data.length !== count) {
    throw new DataError(
      'shape-mismatch',
      `the pipeline reads arrays of [${shape.join(', ')}] (${count} elements), it was given ${data.length}`,
    );
  }
  const { kind, sizes, channelsFirst } = layouts[layout];
  const [height, width, channels] = sizes(shape);
  return { kind, height, width, channels, data: channelsFirst ? exchange(data, channels, height * width) : data };
}

/** @throws DataError `shape-mismatch` when the sample is not what the pipeline promises */
export function elementsOfSample(sample: Sample, output: Preprocess['output']): Elements {
  const { height, width, channels, data } = sample;
  const axes = layouts[output.layout];
  const shape = axes.shape(height, width, channels);
  if (shape.join() !== output.shape.join()) {
    throw new DataError(
      'shape-mismatch',
      `the steps yield [${shape.join(', ')}] as ${output.layout}, the pipeline promises [${output.shape.join(', ')}]`,
    );
  }
  const ordered = axes.channelsFirst ? exchange(data, height * width, channels) : data;
  if (output.dtype === 'float32') return ordered instanceof Float32Array ? ordered : Float32Array.from(ordered);
  if (ordered instanceof Uint8Array) return ordered;
  return Uint8Array.from(ordered, (v) => Math.min(255, Math.max(0, Math.round(v))));
}
