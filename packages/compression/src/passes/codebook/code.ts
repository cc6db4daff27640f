/** A constant as lists of values and the place of each of its elements in one of them. */
import { CompressionError } from '../../errors.js';
import { lloydMax, placeOf, type ScalarQuantizer } from './lloyd-max.js';
import type { Weight } from './weights.js';

export interface Coded {
  /** The lists of the groups, one behind the other. */
  readonly values: Float32Array;
  /** Where each group's list begins. */
  readonly starts: readonly number[];
  /** The place of each element in its group's list. */
  readonly places: Uint8Array;
  /** A scale for each channel, or null. */
  readonly scales: Float32Array | null;
  /** Signal to quantisation noise of the weight, dB. */
  readonly sqnrDb: number;
}

/** The output channel of each element, and the group of each channel: neighbours, as equal in number as they can be. */
export function channelsOf({ dims, axis, groups }: Pick<Weight, 'dims' | 'axis' | 'groups'>): {
  channels: number;
  channelOf: (i: number) => number;
  groupOf: (channel: number) => number;
} {
  const channels = dims[axis] as number;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  return {
    channels,
    channelOf: (i) => Math.floor(i / inner) % channels,
    groupOf: (channel) => Math.floor((channel * groups) / channels),
  };
}

/** Root mean square of each channel; 1 where all of it is 0. */
function rootMeanSquares(data: Float32Array, channels: number, channelOf: (i: number) => number): Float32Array {
  const sums = new Float64Array(channels);
  data.forEach((v, i) => (sums[channelOf(i)] = (sums[channelOf(i)] as number) + v * v));
  return Float32Array.from(sums, (sum) => (sum === 0 ? 1 : Math.sqrt((sum * channels) / data.length)));
}

/** @throws CompressionError `unsuitable-model` when the weight holds numbers that are not finite */
export function code(weight: Weight): Coded {
  const { name, data, bits, groups } = weight;
  if (!data.every(Number.isFinite))
    throw new CompressionError('unsuitable-model', `the weight '${name}' holds numbers that are not finite`);
  const { channels, channelOf, groupOf } = channelsOf(weight);
  const scales = weight.scale === 'channel' ? rootMeanSquares(data, channels, channelOf) : null;
  const scaleOf = (i: number): number => (scales ? (scales[channelOf(i)] as number) : 1);
  const plain = Float64Array.from(data, (v, i) => v / scaleOf(i));
  const own = Uint16Array.from(data, (_, i) => groupOf(channelOf(i)));
  const lists: ScalarQuantizer[] = [];
  for (let group = 0; group < groups; group++) {
    const mine = (_: number, i: number): boolean => own[i] === group;
    // What counts is the error of the weight itself, so that of a channel's numbers counts by the square of its scale.
    const squares = scales && Float64Array.from(data, (_, i) => scaleOf(i) ** 2).filter(mine);
    lists.push(lloydMax(plain.filter(mine), 2 ** bits, { rate: weight.rate, ...(squares && { weights: squares }) }));
  }
  const places = Uint8Array.from(plain, (v, i) => placeOf(lists[own[i] as number] as ScalarQuantizer, v));
  const starts = lists.map((_, g) => lists.slice(0, g).reduce((sum, { values }) => sum + values.length, 0));
  const values = Float32Array.from(lists.flatMap((list) => [...list.values]));
  let [signal, noise] = [0, 0];
  data.forEach((v, i) => {
    const at = (starts[own[i] as number] as number) + (places[i] as number);
    signal += v * v;
    noise += (v - (values[at] as number) * scaleOf(i)) ** 2;
  });
  return { values, starts, places, scales, sqnrDb: noise === 0 ? Infinity : 10 * Math.log10(signal / noise) };
}
