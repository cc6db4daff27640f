/**
 * Interprets the declarative preprocessing of a model (packages/contracts, `Preprocess`). The same code runs in training,
 * evaluation and on the device. Images are taken as 8-bit RGB, EXIF orientation as stored; recordings as one channel.
 */
import type { Preprocess, PreprocessStep, StepOf } from '@verge/contracts';
import { DataError } from '../errors.js';
import type { Elements } from '../samples.js';
import { decodeWav, type Recording } from './audio/wav.js';
import { decodeImage } from './decode.js';
import type { Image } from './image.js';
import { elementsOfSample, sampleOf, type Sample } from './sample.js';
import { steps } from './steps.js';

function apply<Op extends PreprocessStep['op']>(sample: Sample, step: StepOf<Op>): Sample {
  return steps[step.op as Op].apply(sample, step);
}

function run(sample: Sample, pipeline: Preprocess): Elements {
  return elementsOfSample(
    pipeline.steps.reduce((current, step) => apply(current, step), sample),
    pipeline.output,
  );
}

/**
 * Preprocesses one array.
 * @param data elements of the pipeline's input shape, row-major
 * @returns elements of `pipeline.output.shape`
 * @throws DataError `shape-mismatch` when the array, a step or the promised output do not fit
 */
export function preprocessArray(pipeline: Preprocess, data: Elements): Elements {
  return run(sampleOf(pipeline.input, data), pipeline);
}

/** Preprocesses one decoded image (see `decodeImage`). */
export function preprocessImage(pipeline: Preprocess, image: Image): Elements {
  if (pipeline.input.kind !== 'image')
    throw new DataError('bad-preprocess', `the pipeline reads ${pipeline.input.kind}, it was given an image`);
  return run({ ...image, kind: 'image' }, pipeline);
}

/** Preprocesses one decoded recording (see `decodeWav`). */
export function preprocessRecording(pipeline: Preprocess, { samples, rate }: Recording): Elements {
  if (pipeline.input.kind !== 'audio')
    throw new DataError('bad-preprocess', `the pipeline reads ${pipeline.input.kind}, it was given a recording`);
  return run({ kind: 'series', height: 1, width: samples.length, channels: 1, data: samples, rate }, pipeline);
}

/**
 * Decodes and preprocesses one encoded sample: an image, or a recording as WAV, whichever the pipeline reads.
 * @param decoded is called between the two, for whom measures them
 * @throws DataError `malformed` when the bytes are no such thing, `shape-mismatch`, `bad-preprocess`
 */
export async function preprocessEncoded(
  pipeline: Preprocess,
  bytes: Uint8Array,
  decoded: () => void = () => undefined,
): Promise<Elements> {
  if (pipeline.input.kind === 'audio') {
    const recording = decodeWav(bytes);
    decoded();
    return preprocessRecording(pipeline, recording);
  }
  const image = await decodeImage(bytes);
  decoded();
  return preprocessImage(pipeline, image);
}
