/** Series as forecasts: the last steps of each sample are what its first steps should lead to. */
import { TrainingError } from '../errors.js';
import type { InputValues } from '../samples.js';
import { isSource, type SampleSet } from './source.js';

export interface ForecastSpec {
  /** Steps at the end of each sample that are predicted from those before. */
  readonly steps: number;
  /** The channel that is predicted; all when absent. */
  readonly channel?: number;
}

/** Numbers that are predicted for one sample [steps, channels]. */
export function forecastWidth(shape: readonly number[], { steps, channel }: ForecastSpec): number {
  return channel === undefined ? steps * (shape[1] ?? 1) : steps;
}

function check(shape: readonly number[], { steps, channel }: ForecastSpec): { before: number; channels: number } {
  const [all = 0, channels = 0] = shape;
  const problems: string[] = [];
  if (shape.length !== 2) problems.push(`samples are [${shape.join(', ')}], not [steps, channels]`);
  else {
    if (!Number.isInteger(steps) || steps < 1 || steps >= all) {
      problems.push(`steps: expected a whole number from 1 to ${all - 1}, not ${steps}`);
    }
    if (channel !== undefined && !(Number.isInteger(channel) && channel >= 0 && channel < channels)) {
      problems.push(`channel: expected a whole number from 0 to ${channels - 1}, not ${channel}`);
    }
  }
  if (problems.length > 0) {
    throw new TrainingError('bad-samples', `forecast: ${problems.join('; ')}`, { problems });
  }
  return { before: all - steps, channels };
}

/**
 * Samples [steps, channels] cut into what is known, [steps - spec.steps, channels], and targets [spec.steps] of one channel
 * or [spec.steps, channels] of all.
 * @throws TrainingError `bad-samples` when the samples are no series, or shorter than the forecast
 */
export function forecastSet(set: SampleSet, spec: ForecastSpec): SampleSet {
  const { before, channels } = check(set.shape, spec);
  const [size, known] = [set.shape[0]! * channels, before * channels];
  const cut = <T extends InputValues>(values: T): { x: T; targets: Float32Array } => {
    const count = values.length / size;
    const x = new (values.constructor as new (length: number) => T)(count * known);
    const width = forecastWidth(set.shape, spec);
    const targets = new Float32Array(count * width);
    for (let i = 0; i < count; i++) {
      x.set(values.subarray(i * size, i * size + known), i * known);
      const ahead = values.subarray(i * size + known, (i + 1) * size);
      const { channel } = spec;
      targets.set(channel === undefined ? ahead : ahead.filter((_, j) => j % channels === channel), i * width);
    }
    return { x, targets };
  };
  const shape = [before, channels];
  if (!isSource(set)) return { ...set, shape, ...cut(set.x) };
  return {
    count: set.count,
    shape,
    block: set.block,
    digest: set.digest,
    inputs: set.inputs,
    read: async (indices, signal) => {
      const batch = await set.read(indices, signal);
      return { ...batch, ...cut(batch.x) };
    },
  };
}
