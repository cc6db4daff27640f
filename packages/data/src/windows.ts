/** Long series cut into windows, each a sample of its own. */
import { DataError } from './errors.js';
import type { Dataset, Elements, Part, Samples } from './samples.js';

export interface WindowOptions {
  /** Steps of a window. */
  readonly length: number;
  /** Steps from one window's beginning to the next one's; `length` when absent, so that none overlap. */
  readonly hop?: number;
}

/** Beginnings of the windows of a series of so many steps; none when it is shorter than a window. */
function beginnings(steps: number, length: number, hop: number): number[] {
  const count = steps < length ? 0 : 1 + Math.floor((steps - length) / hop);
  return Array.from({ length: count }, (_, i) => i * hop);
}

/**
 * Cuts series [steps, channels] into windows [length, channels] of the same class. Padding is not cut: with `lengths` only
 * windows within a series' own steps are taken. The windows of a series are a group: every split keeps them in one part.
 * @throws DataError `bad-setting`; `shape-mismatch` when the samples are no series, or all are shorter than a window
 */
export function windowSamples(data: Dataset, { length, hop = length }: WindowOptions): Dataset {
  const problems = Object.entries({ length, hop }).flatMap(([name, value]) =>
    Number.isInteger(value) && value > 0 ? [] : [`${name}: expected a whole number from 1, not ${value}`],
  );
  if (problems.length > 0) throw new DataError('bad-setting', problems.join('; '), { problems });
  const [steps, channels] = data.shape;
  if (data.shape.length !== 2 || steps === undefined || channels === undefined)
    throw new DataError('shape-mismatch', `windows need series [steps, channels], not [${data.shape.join(', ')}]`);
  const origins: { series: number; from: number }[] = [];
  for (let series = 0; series < data.y.length; series++) {
    for (const from of beginnings(data.lengths?.[series] ?? steps, length, hop)) origins.push({ series, from });
  }
  if (origins.length === 0)
    throw new DataError('shape-mismatch', `no series of '${data.name}' has the ${length} steps of a window`);
  const size = length * channels;
  const x: Elements =
    data.x instanceof Uint8Array ? new Uint8Array(origins.length * size) : new Float32Array(origins.length * size);
  origins.forEach(({ series, from }, i) => {
    const start = (series * steps + from) * channels;
    x.set(data.x.subarray(start, start + size), i * size);
  });
  const { lengths: _lengths, parts, groups, ...rest } = data;
  return {
    ...rest,
    x,
    shape: [length, channels],
    y: Int32Array.from(origins, ({ series }) => data.y[series] as number),
    groups: Int32Array.from(origins, ({ series }) => groups?.[series] ?? series),
    ...(parts && { parts: origins.map(({ series }) => parts[series] as Part) }),
  };
}

/** Mean and standard deviation of each channel, as `normalize` takes them. */
export interface ChannelFigures {
  readonly mean: number[];
  readonly std: number[];
}

/**
 * Figures of each channel over samples, to be stored in a pipeline: of a training part, so that nothing of the others is
 * known. Population standard deviation, in double precision by Welford's method; 1 where a channel never changes.
 * @param axis the channels' axis within a sample, negative from the end; padding after `lengths` is left out where the steps
 *   are the other axis of two
 */
export function channelFigures(samples: Samples, axis = -1): ChannelFigures {
  const { shape, x, lengths } = samples;
  const at = axis < 0 ? shape.length + axis : axis;
  const channels = shape[at];
  if (channels === undefined)
    throw new DataError('bad-setting', `axis ${axis} does not exist in [${shape.join(', ')}]`);
  const inner = shape.slice(at + 1).reduce((a, b) => a * b, 1);
  const size = shape.reduce((a, b) => a * b, 1);
  const steps =
    lengths && shape.length === 2 ? { stride: at === 0 ? 1 : channels, count: shape[1 - at] as number } : null;
  const [count, mean, squares] = [0, 1, 2].map(() => new Float64Array(channels)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let i = 0; i < x.length; i++) {
    const within = i % size;
    if (steps && Math.floor(within / steps.stride) % steps.count >= (lengths?.[Math.floor(i / size)] ?? 0)) continue;
    const c = Math.floor(within / inner) % channels;
    const n = ((count[c] as number) += 1);
    const delta = (x[i] as number) - (mean[c] as number);
    mean[c] = (mean[c] as number) + delta / n;
    squares[c] = (squares[c] as number) + delta * ((x[i] as number) - (mean[c] as number));
  }
  const std = Array.from(squares, (sum, c) => Math.sqrt(sum / Math.max(1, count[c] as number)) || 1);
  return { mean: [...mean], std };
}
