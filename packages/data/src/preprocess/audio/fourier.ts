/** Short-time Fourier transform. The transform itself is fft.js, loaded when the first recording needs it. */
import { createRequire } from 'node:module';

interface Transform {
  /** Fills the first n + 2 places of `out` with the n / 2 + 1 complex values of a real signal. */
  realTransform(out: Float64Array, data: Float64Array): void;
}
type TransformClass = new (size: number) => Transform;

const transforms = new Map<number, Transform>();

function transformOf(size: number): Transform {
  let transform = transforms.get(size);
  if (!transform) {
    const Library = createRequire(import.meta.url)('fft.js') as TransformClass;
    transforms.set(size, (transform = new Library(size)));
  }
  return transform;
}

/** Hann's window as filters have it, of period `length`, amid `size` points. */
export function hann(length: number, size: number): Float64Array {
  const window = new Float64Array(size);
  const start = Math.floor((size - length) / 2);
  for (let i = 0; i < length; i++) window[start + i] = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length);
  return window;
}

export interface Frames {
  readonly fft: number;
  readonly hop: number;
  readonly window: Float64Array;
  /** Frames centred on their time, zeros around the signal; else frames that lie wholly within it. */
  readonly center: boolean;
}

/** Frames of a signal of `length` samples; below 1 where it is too short for one. */
export const frameCount = (length: number, { fft, hop, center }: Omit<Frames, 'window'>): number =>
  length === 0 ? 0 : 1 + Math.floor((center ? length : length - fft) / hop);

/**
 * Powers (or magnitudes, with `power` 1) of each frame.
 * @param each gets the frame's number and its fft / 2 + 1 values, which are overwritten by the next frame's
 */
export function spectra(
  signal: ArrayLike<number>,
  frames: Frames,
  power: 1 | 2,
  each: (frame: number, values: Float64Array) => void,
): void {
  const { fft, hop, window, center } = frames;
  const transform = transformOf(fft);
  const input = new Float64Array(fft);
  const out = new Float64Array(2 * fft);
  const values = new Float64Array(fft / 2 + 1);
  const count = frameCount(signal.length, frames);
  for (let f = 0; f < count; f++) {
    const start = f * hop - (center ? fft / 2 : 0);
    for (let i = 0; i < fft; i++) {
      const at = start + i;
      input[i] = at >= 0 && at < signal.length ? (signal[at] as number) * (window[i] as number) : 0;
    }
    transform.realTransform(out, input);
    for (let k = 0; k < values.length; k++) {
      const squared = (out[2 * k] as number) ** 2 + (out[2 * k + 1] as number) ** 2;
      values[k] = power === 2 ? squared : Math.sqrt(squared);
    }
    each(f, values);
  }
}
