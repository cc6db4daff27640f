/** int8 weights of which no two that a kernel adds in 16 bits can overflow them, with the least squared error. */
import { LARGEST_PAIR, overflows, type KernelOrder } from '../../targets/kernel-pairs.js';
import { roundHalfEven } from './scale.js';

/** Scales that are tried between the one that fits every weight and the one with which no pair has to give way. */
const TRIED = 6;

const clamped = (q: number): number => Math.max(-127, Math.min(127, q));

/** What two weights that would overflow are brought down to, each as much as the other. */
function within(a: number, b: number): [number, number] {
  const excess = Math.abs(a + b) - LARGEST_PAIR;
  if (excess <= 0 || a * b <= 0) return [a, b];
  const sign = Math.sign(a);
  const half = Math.ceil(excess / 2);
  // The larger one gives the odd unit.
  return Math.abs(a) >= Math.abs(b)
    ? [a - sign * half, b - sign * (excess - half)]
    : [a - sign * (excess - half), b - sign * half];
}

/** One output channel's weights, in the order of the kernel. */
function take(data: Float32Array, { places, stride }: KernelOrder, channel: number): Float64Array {
  return Float64Array.from(places, (place) => data[channel * stride + place] as number);
}

/** The weights at a scale, pair by pair, and the sum of their squared errors. */
function atScale(values: Float64Array, scale: number, into: Int8Array): number {
  let error = 0;
  for (let k = 0; k < values.length; k += 2) {
    const [x, y] = [values[k] as number, values[k + 1] ?? 0];
    const [a, b] = within(clamped(roundHalfEven(x / scale)), clamped(roundHalfEven(y / scale)));
    into[k] = a;
    if (k + 1 < values.length) into[k + 1] = b;
    error += (x - a * scale) ** 2 + (y - b * scale) ** 2;
  }
  return error;
}

/** How many times wider the scale must be for no pair to overflow. */
function widest(values: Float64Array, scale: number): number {
  let most = 0;
  for (let k = 0; k + 1 < values.length; k += 2) {
    const [x, y] = [values[k] as number, values[k + 1] as number];
    if (x * y > 0) most = Math.max(most, Math.abs(x + y));
  }
  return most / (scale * LARGEST_PAIR);
}

/**
 * Changes channels that may overflow: a wider scale, or pairs that are brought down, or some of both.
 * @param scales of the channels, widened in place
 * @param int8 the weights, changed in place
 * @returns how many channels were changed
 */
export function narrowed(data: Float32Array, order: KernelOrder, scales: Float32Array, int8: Int8Array): number {
  const { channels, stride, places } = order;
  let changed = 0;
  const [now, best] = [new Int8Array(places.length), new Int8Array(places.length)];
  for (let c = 0; c < channels; c++) {
    if (!overflows(order, int8, c)) continue;
    changed++;
    const values = take(data, order, c);
    const plain = scales[c] as number;
    // A little more, since each of the two may be rounded up.
    const most = widest(values, plain) * (1 + 1 / LARGEST_PAIR);
    let least = Infinity;
    for (let step = 0; step <= TRIED; step++) {
      const scale = Math.fround(plain * most ** (step / TRIED));
      const error = atScale(values, scale, now);
      if (error >= least) continue;
      least = error;
      scales[c] = scale;
      best.set(now);
    }
    for (const [k, place] of places.entries()) int8[c * stride + place] = best[k] as number;
  }
  return changed;
}
