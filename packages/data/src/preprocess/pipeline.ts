/**
 * Interprets the declarative preprocessing of a model (packages/contracts, `Preprocess`). The same code runs in training,
 * evaluation and on the device. Images are taken as 8-bit RGB, EXIF orientation as stored.
 */
import type { Preprocess, PreprocessStep } from '@verge/contracts';
import { DataError } from '../errors.js';
import type { Elements } from '../samples.js';
import { crop, swapRedBlue, toGray, toRgb, type Image } from './image.js';
import { resize } from './resize.js';

/** Plain vectors travel through the pipeline as one row with one channel. */
function toImage(pipeline: Preprocess, data: Elements): Image {
  if (pipeline.input.kind !== 'array')
    throw new DataError('bad-preprocess', 'the pipeline reads encoded images, it was given an array');
  const { shape, layout } = pipeline.input;
  const count = shape.reduce((a, b) => a * b, 1);
  if (data.length !== count) {
    throw new DataError(
      'shape-mismatch',
      `the pipeline reads arrays of [${shape.join(', ')}] (${count} elements), it was given ${data.length}`,
    );
  }
  if (layout === 'N') return { height: 1, width: count, channels: 1, data };
  const [a, b, c] = shape as [number, number, number];
  if (layout === 'HW') return { height: a, width: b, channels: 1, data };
  if (layout === 'HWC') return { height: a, width: b, channels: c, data };
  return { height: b, width: c, channels: a, data: exchange(data, a, b * c) };
}

/** [rows, columns] to [columns, rows]. */
function exchange<T extends Elements>(data: T, rows: number, columns: number): T {
  const out = data.slice() as T;
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c] as number;
  return out;
}

/** y = x * scale + offset with one value a channel (or one for all). */
function affine(image: Image, scale: readonly number[], offset: readonly number[]): Image {
  const { channels, data } = image;
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const c = i % channels;
    out[i] = (data[i] as number) * (scale[c % scale.length] as number) + (offset[c % offset.length] as number);
  }
  return { ...image, data: out };
}

function normalize(image: Image, mean: readonly number[], std: readonly number[]): Image {
  const { channels, data } = image;
  const out = new Float32Array(data.length);
  // (x - mean) / std as written, not x * (1/std) - mean/std: the rounding of the usual implementations.
  for (let i = 0; i < data.length; i++) {
    const c = i % channels;
    out[i] = ((data[i] as number) - (mean[c % mean.length] as number)) / (std[c % std.length] as number);
  }
  return { ...image, data: out };
}

function applyStep(image: Image, step: PreprocessStep): Image {
  switch (step.op) {
    case 'resize': {
      const [height, width] = step.size;
      if (step.fit === 'stretch') return resize(image, height, width, step.filter);
      const side = Math.min(height, width);
      const ratio = side / Math.min(image.height, image.width);
      const long = (length: number): number => Math.max(side, Math.trunc(length * ratio + 1e-9));
      return image.height <= image.width
        ? resize(image, side, long(image.width), step.filter)
        : resize(image, long(image.height), side, step.filter);
    }
    case 'center-crop': {
      const [height, width] = step.size;
      if (image.height < height || image.width < width) {
        throw new DataError(
          'shape-mismatch',
          `center-crop to ${height}x${width} of an image of ${image.height}x${image.width}`,
        );
      }
      return crop(image, Math.floor((image.height - height) / 2), Math.floor((image.width - width) / 2), height, width);
    }
    case 'color':
      if (step.to === 'gray') return toGray(image);
      return step.to === 'rgb' ? toRgb(image) : swapRedBlue(toRgb(image));
    case 'scale':
      return affine(image, [step.scale], [step.offset]);
    case 'normalize':
      return normalize(image, step.mean, step.std);
  }
}

function shapeOf(image: Image, layout: Preprocess['output']['layout']): number[] {
  const { height, width, channels } = image;
  if (layout === 'HW') return channels === 1 ? [height, width] : [height, width, channels];
  if (layout === 'HWC') return [height, width, channels];
  return layout === 'CHW' ? [channels, height, width] : [height * width * channels];
}

function finish(image: Image, output: Preprocess['output']): Elements {
  const shape = shapeOf(image, output.layout);
  if (shape.join() !== output.shape.join()) {
    throw new DataError(
      'shape-mismatch',
      `the steps yield [${shape.join(', ')}] as ${output.layout}, the pipeline promises [${output.shape.join(', ')}]`,
    );
  }
  const data = output.layout === 'CHW' ? exchange(image.data, image.height * image.width, image.channels) : image.data;
  if (output.dtype === 'float32') return data instanceof Float32Array ? data : Float32Array.from(data);
  return data instanceof Uint8Array ? data : Uint8Array.from(data, (v) => Math.min(255, Math.max(0, Math.round(v))));
}

function run(image: Image, pipeline: Preprocess): Elements {
  return finish(pipeline.steps.reduce(applyStep, image), pipeline.output);
}

/**
 * Preprocesses one array.
 * @param data elements of the pipeline's input shape, row-major
 * @returns elements of `pipeline.output.shape`
 * @throws DataError `shape-mismatch` when the array, a step or the promised output do not fit
 */
export function preprocessArray(pipeline: Preprocess, data: Elements): Elements {
  return run(toImage(pipeline, data), pipeline);
}

/** Preprocesses one decoded image (see `decodeImage`). */
export function preprocessImage(pipeline: Preprocess, image: Image): Elements {
  if (pipeline.input.kind !== 'image')
    throw new DataError('bad-preprocess', 'the pipeline reads arrays, it was given an image');
  return run(image, pipeline);
}

/**
 * Checks what the schema cannot: that layouts fit shapes and that the steps fit each other.
 * @throws DataError `bad-preprocess` listing every problem
 */
export function checkPreprocess(pipeline: Preprocess): void {
  const rank = { HW: 2, HWC: 3, CHW: 3, N: 1 } as const;
  const problems: string[] = [];
  const { input, output, steps } = pipeline;
  let channels: number | null = 3;
  if (input.kind === 'array') {
    if (input.shape.length !== rank[input.layout]) {
      problems.push(
        `input: layout ${input.layout} needs ${rank[input.layout]} axes, the shape has ${input.shape.length}`,
      );
    }
    channels =
      input.layout === 'HWC' ? (input.shape[2] ?? null) : input.layout === 'CHW' ? (input.shape[0] ?? null) : 1;
  }
  if (output.shape.length !== rank[output.layout]) {
    problems.push(
      `output: layout ${output.layout} needs ${rank[output.layout]} axes, the shape has ${output.shape.length}`,
    );
  }
  steps.forEach((step, i) => {
    if (step.op === 'color') {
      if (channels !== null && channels !== 1 && channels !== 3)
        problems.push(`steps[${i}]: color needs 1 or 3 channels, there are ${channels}`);
      channels = step.to === 'gray' ? 1 : 3;
    } else if (step.op === 'normalize' && !(input.kind === 'array' && input.layout === 'N')) {
      for (const key of ['mean', 'std'] as const) {
        const n = step[key].length;
        if (channels !== null && n !== 1 && n !== channels)
          problems.push(`steps[${i}]: ${key} has ${n} entries, expected 1 or ${channels}`);
      }
    }
    if (
      (step.op === 'resize' || step.op === 'center-crop' || step.op === 'color') &&
      input.kind === 'array' &&
      input.layout === 'N'
    ) {
      problems.push(`steps[${i}]: ${step.op} needs an image, the input is a plain vector`);
    }
  });
  if (problems.length > 0) throw new DataError('bad-preprocess', problems.join('; '), { problems });
}
