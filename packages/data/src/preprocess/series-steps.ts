/** Steps for series and recordings: [steps, channels]. */
import type { StepOf } from '@verge/contracts';
import { DataError } from '../errors.js';
import type { Elements } from '../samples.js';
import { logMel, melFrames, mfcc, type MelStep } from './audio/features.js';
import { resample } from './audio/resample.js';
import { trimSilence } from './audio/silence.js';
import type { Sample } from './sample.js';

const floats = (data: Elements): Float32Array => (data instanceof Float32Array ? data : Float32Array.from(data));

export function fitLength(sample: Sample, { steps, keep, value }: StepOf<'fit-length'>): Sample {
  const { width, channels, data } = sample;
  const spare = steps - width;
  // Where the series begins within the wanted length; below 0, where the wanted length begins within the series.
  const start = keep === 'start' ? 0 : keep === 'end' ? spare : Math.trunc(spare / 2);
  const out = data instanceof Uint8Array ? new Uint8Array(steps * channels) : new Float32Array(steps * channels);
  out.fill(value);
  const from = Math.max(0, -start);
  const count = Math.min(width - from, steps - Math.max(0, start));
  out.set(data.subarray(from * channels, (from + count) * channels), Math.max(0, start) * channels);
  return { ...sample, width: steps, data: out };
}

export const toImage = (sample: Sample): Sample => ({
  kind: 'image',
  height: sample.width,
  width: sample.channels,
  channels: 1,
  data: sample.data,
});

export function resampleStep(sample: Sample, step: StepOf<'resample'>): Sample {
  const from = sample.rate ?? step.from;
  if (from === undefined) throw new DataError('bad-preprocess', 'resample: the rate of the sample is not known');
  if (sample.rate !== undefined && step.from !== undefined && step.from !== sample.rate)
    throw new DataError('shape-mismatch', `resample from ${step.from} Hz of a recording at ${sample.rate} Hz`);
  const data = resample(sample.data, from, step.rate);
  return { ...sample, width: data.length, data, rate: step.rate };
}

export function trimStep(sample: Sample, step: StepOf<'trim-silence'>): Sample {
  const data = trimSilence(floats(sample.data), step);
  return { ...sample, width: data.length, data };
}

export function preEmphasis(sample: Sample, { coefficient }: StepOf<'pre-emphasis'>): Sample {
  const { data } = sample;
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    out[i] = (data[i] as number) - (i === 0 ? 0 : coefficient * (data[i - 1] as number));
  }
  return { ...sample, data: out };
}

/** log-mel and mfcc: frames become the steps, bands or coefficients the channels. */
export function melStep(sample: Sample, step: MelStep): Sample {
  if (sample.rate !== undefined && sample.rate !== step.rate) {
    throw new DataError(
      'shape-mismatch',
      `${step.op} is for ${step.rate} Hz, the recording has ${sample.rate} Hz: resample it first`,
    );
  }
  const count = melFrames(sample.width, step);
  if (count < 1) throw new DataError('shape-mismatch', `${step.op}: ${sample.width} samples are too few for a frame`);
  const data = Float32Array.from(step.op === 'mfcc' ? mfcc(sample.data, step) : logMel(sample.data, step));
  return { kind: 'series', height: 1, width: count, channels: data.length / count, data };
}
