/** int8 weights of which no two that a kernel adds in 16 bits can overflow them, with the least squared error. */
import { LARGEST_PAIR, overflows, type KernelOrder } from '../../targets/kernel-pairs.js';
import { roundHalfEven } from './scale.js';

/** Scales that are tried between the one that fits every weight and the one with which no pair has to give way. */
const TRIED = 6;

const clamped = (q: number): number => Math.max(-127, Math.min(127, q));

/** One output channel's weights, in the order of the kernel; a last one without a partner has zero beside it. */
function take(data: Float32Array, { places, stride }: KernelOrder, channel: number, into: Float64Array): void {
  for (let k = 0; k < places.length; k++) into[k] = data[channel * stride + places[k]!]!;
}

/**
 * The weights at a scale, pair by pair: two that would overflow are brought down, each as much as the other.
 * @returns the sum of their squared errors; `least` or more, and not all weights done, where it is no less than that
 */
function atScale(values: Float64Array, scale: number, into: Int8Array, least: number): number {
  let error = 0;
  for (let k = 0; k < values.length && error < least; k += 2) {
    const [x, y] = [values[k]!, values[k + 1]!];
    let [a, b] = [clamped(roundHalfEven(x / scale)), clamped(roundHalfEven(y / scale))];
    const excess = Math.abs(a + b) - LARGEST_PAIR;
    if (excess > 0 && a * b > 0) {
      const half = (excess + 1) >> 1;
      // The larger one gives the odd unit.
      const first = Math.abs(a) >= Math.abs(b) ? half : excess - half;
      const sign = Math.sign(a);
      a -= sign * first;
      b -= sign * (excess - first);
    }
    into[k] = a;
    into[k + 1] = b;
    const [dx, dy] = [x - a * scale, y - b * scale];
    error += dx * dx + dy * dy;
  }
  return error;
}

/** How many times wider the scale must be for no pair to overflow. */
function widest(values: Float64Array, scale: number): number {
  let most = 0;
  for (let k = 0; k < values.length; k += 2) {
    const [x, y] = [values[k]!, values[k + 1]!];
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
  const paired = places.length + (places.length % 2);
  const [now, best, values] = [new Int8Array(paired), new Int8Array(paired), new Float64Array(paired)];
  for (let c = 0; c < channels; c++) {
    if (!overflows(order, int8, c)) continue;
    changed++;
    take(data, order, c, values);
    const plain = scales[c] as number;
    // A little more, since each of the two may be rounded up.
    const most = widest(values, plain) * (1 + 1 / LARGEST_PAIR);
    let least = Infinity;
    for (let step = 0; step <= TRIED; step++) {
      const scale = Math.fround(plain * most ** (step / TRIED));
      const error = atScale(values, scale, now, least);
      if (error >= least) continue;
      least = error;
      scales[c] = scale;
      best.set(now);
    }
    for (let k = 0; k < places.length; k++) int8[c * stride + places[k]!] = best[k]!;
  }
  return changed;
}
