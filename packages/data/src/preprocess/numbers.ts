/** Steps that work on each number for itself, or on each channel. */
import type { StepOf } from '@verge/contracts';
import type { Sample } from './sample.js';

/** y = x * scale + offset. */
export function scale(sample: Sample, step: StepOf<'scale'>): Sample {
  const { data } = sample;
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = (data[i] as number) * step.scale + step.offset;
  return { ...sample, data: out };
}

/** y = (x - mean) / std, one value a channel or one for all. */
export function normalize(sample: Sample, { mean, std }: StepOf<'normalize'>): Sample {
  const { channels, data } = sample;
  const out = new Float32Array(data.length);
  // (x - mean) / std as written, not x * (1/std) - mean/std: the rounding of the usual implementations.
  for (let i = 0; i < data.length; i++) {
    const c = i % channels;
    out[i] = ((data[i] as number) - (mean[c % mean.length] as number)) / (std[c % std.length] as number);
  }
  return { ...sample, data: out };
}

/** y = (x - m) / (s + epsilon) with the sample's own mean and (population) standard deviation. */
export function standardize(sample: Sample, { over, epsilon }: StepOf<'standardize'>): Sample {
  const { data } = sample;
  const groups = over === 'channel' ? sample.channels : 1;
  const out = new Float32Array(data.length);
  const count = data.length / groups;
  for (let g = 0; g < groups; g++) {
    let sum = 0;
    for (let i = g; i < data.length; i += groups) sum += data[i] as number;
    const mean = sum / count;
    let squares = 0;
    for (let i = g; i < data.length; i += groups) squares += ((data[i] as number) - mean) ** 2;
    const deviation = Math.sqrt(squares / count) + epsilon;
    for (let i = g; i < data.length; i += groups) out[i] = ((data[i] as number) - mean) / deviation;
  }
  return { ...sample, data: out };
}
