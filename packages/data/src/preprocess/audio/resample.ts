/**
 * Resampling by a rational factor: a windowed sinc, applied in polyphase form (Crochiere and Rabiner, Multirate Digital
 * Signal Processing, 1983, section 3.3; Kaiser's window). Output sample m lies at input time m * from / to.
 */
import { DataError } from '../../errors.js';

/** Zero crossings of the sinc on each side, its cut-off as a share of the lower Nyquist frequency, and Kaiser's beta. */
const crossings = 64;
const rolloff = 0.95;
const beta = 10;
/** Largest numerator or denominator of the reduced factor: what the filter's length grows with. */
const maxFactor = 4096;

/** Modified Bessel function of the first kind, order 0, by its power series. */
function bessel0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** The low-pass of 2 * half + 1 taps at `up` times the input's rate; its gain at 0 Hz is `up`. */
function filterOf(up: number, down: number): { taps: Float64Array; half: number } {
  const most = Math.max(up, down);
  const half = crossings * most;
  const taps = new Float64Array(2 * half + 1);
  const cutoff = rolloff / most;
  let sum = 0;
  for (let i = 0; i < taps.length; i++) {
    const t = i - half;
    const x = Math.PI * cutoff * t;
    const window = bessel0(beta * Math.sqrt(Math.max(0, 1 - (t / half) ** 2)));
    taps[i] = (t === 0 ? 1 : Math.sin(x) / x) * window;
    sum += taps[i] as number;
  }
  for (let i = 0; i < taps.length; i++) taps[i] = ((taps[i] as number) * up) / sum;
  return { taps, half };
}

/** Whether the rates have a factor in common that keeps the filter short. */
export const isSimple = (from: number, to: number): boolean => Math.max(from, to) / gcd(from, to) <= maxFactor;

let last: { key: string; filter: { taps: Float64Array; half: number } } | null = null;

/**
 * @param samples at `from` Hz
 * @returns ceil(samples.length * to / from) samples at `to` Hz
 * @throws DataError `bad-preprocess` when the rates have no factor in common worth the name
 */
export function resample(samples: ArrayLike<number>, from: number, to: number): Float32Array {
  const divisor = gcd(from, to);
  const [up, down] = [to / divisor, from / divisor];
  if (!isSimple(from, to))
    throw new DataError('bad-preprocess', `resample from ${from} to ${to} Hz: the factor ${up}/${down} is not simple`);
  if (up === down) return Float32Array.from(samples);
  const key = `${up}/${down}`;
  // One set of recordings has one factor: the filter of the last is the next one's.
  if (last?.key !== key) last = { key, filter: filterOf(up, down) };
  const { taps, half } = last.filter;
  const out = new Float32Array(Math.ceil((samples.length * up) / down));
  for (let m = 0; m < out.length; m++) {
    // Tap k of the filter meets input sample (m * down + half - k) / up, where that is whole.
    const place = m * down + half;
    const first = Math.max(0, Math.ceil((place - 2 * half) / up));
    const end = Math.min(samples.length - 1, Math.floor(place / up));
    let sum = 0;
    for (let i = first; i <= end; i++) sum += (samples[i] as number) * (taps[place - i * up] as number);
    out[m] = sum;
  }
  return out;
}
