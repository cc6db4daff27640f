/** The scales of weights from which a training begins. */
import { quantizeWeight, roundHalfEven } from '../quantize-static/scale.js';

/** Scales that are tried for a channel, as shares of the one that reaches its largest weight. */
const TRIED = 60;

/**
 * Symmetric scales, one for each channel: at 8 bits those of `quantizeWeight`; at fewer, the largest weights are better cut off, and the
 * scale is the one with the least squared error.
 * @param data of shape `dims`, whose axis `axis` has the channels
 */
export function firstScales(
  data: Float32Array,
  dims: readonly number[],
  axis: number,
  bits: number,
  narrow: boolean,
): Float32Array {
  const full = quantizeWeight(data, dims, axis, { narrow: narrow && bits === 8 }).scales;
  if (bits === 8) return full;
  const channels = dims[axis] as number;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const values: number[][] = Array.from({ length: channels }, () => []);
  data.forEach((value, i) => values[Math.floor(i / inner) % channels]!.push(value));
  const high = 2 ** (bits - 1) - 1;
  return full.map((reaching8, c) => leastError(values[c]!, (reaching8 * 127) / high, -high - 1, high));
}

function leastError(values: readonly number[], reaching: number, low: number, high: number): number {
  let [best, least] = [reaching, Infinity];
  for (let k = TRIED; k > TRIED / 5; k--) {
    const scale = (reaching * k) / TRIED;
    let error = 0;
    for (const value of values) {
      const level = Math.max(low, Math.min(high, roundHalfEven(value / scale)));
      error += (value - level * scale) ** 2;
    }
    if (error < least) [best, least] = [scale, error];
  }
  return best;
}
