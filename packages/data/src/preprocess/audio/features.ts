/** Log-mel energies and cepstral coefficients of a recording. */
import type { StepOf } from '@verge/contracts';
import { frameCount, hann, spectra, type Frames } from './fourier.js';
import { melBands, type Band } from './mel.js';

export type MelStep = StepOf<'log-mel'> | StepOf<'mfcc'>;

/** What does not depend on the recording; kept for the step's next sample. */
interface Prepared {
  readonly frames: Frames;
  readonly bands: readonly Band[];
}

const prepared = new WeakMap<MelStep, Prepared>();

function prepare(step: MelStep): Prepared {
  let found = prepared.get(step);
  if (!found) {
    const { rate, fft, hop, window = fft, mels, fmin, fmax = rate / 2, scale, norm, center } = step;
    found = {
      frames: { fft, hop, window: hann(window, fft), center },
      bands: melBands({ rate, fft, mels, fmin, fmax, scale, norm }),
    };
    prepared.set(step, found);
  }
  return found;
}

/** Frames that the step makes of so many samples. */
export const melFrames = (length: number, { fft, hop, center }: MelStep): number =>
  frameCount(length, { fft, hop, center });

/**
 * Logarithms of the energies in mel bands: [frames, mels]. For 'db' as librosa.power_to_db(ref=1, amin=floor,
 * top_db=topDb) of librosa.feature.melspectrogram(pad_mode='constant').
 */
export function logMel(signal: ArrayLike<number>, step: MelStep): Float64Array {
  const { frames, bands } = prepare(step);
  const { mels, power, log, floor, topDb } = step;
  const out = new Float64Array(Math.max(0, melFrames(signal.length, step)) * mels);
  let most = -Infinity;
  spectra(signal, frames, power, (frame, values) => {
    bands.forEach(({ start, weights }, band) => {
      let energy = 0;
      for (let k = 0; k < weights.length; k++) energy += (weights[k] as number) * (values[start + k] as number);
      const value = log === 'db' ? 10 * Math.log10(Math.max(floor, energy)) : Math.log(energy + floor);
      out[frame * mels + band] = value;
      most = Math.max(most, value);
    });
  });
  if (log === 'db' && topDb !== undefined) out.forEach((value, i) => (out[i] = Math.max(value, most - topDb)));
  return out;
}

/** Rows of the orthonormal DCT-II (Ahmed, Natarajan and Rao, 1974): [coefficients, mels]. */
function cosines(coefficients: number, mels: number): Float64Array {
  const table = new Float64Array(coefficients * mels);
  for (let k = 0; k < coefficients; k++) {
    const norm = Math.sqrt((k === 0 ? 1 : 2) / mels);
    for (let n = 0; n < mels; n++) table[k * mels + n] = norm * Math.cos((Math.PI * k * (2 * n + 1)) / (2 * mels));
  }
  return table;
}

const tables = new WeakMap<MelStep, Float64Array>();

/** Cepstral coefficients: [frames, coefficients]. */
export function mfcc(signal: ArrayLike<number>, step: StepOf<'mfcc'>): Float64Array {
  const { mels, coefficients } = step;
  const energies = logMel(signal, step);
  let table = tables.get(step);
  if (!table) tables.set(step, (table = cosines(coefficients, mels)));
  const count = energies.length / mels;
  const out = new Float64Array(count * coefficients);
  for (let f = 0; f < count; f++) {
    for (let k = 0; k < coefficients; k++) {
      let sum = 0;
      for (let n = 0; n < mels; n++) sum += (energies[f * mels + n] as number) * (table[k * mels + n] as number);
      out[f * coefficients + k] = sum;
    }
  }
  return out;
}
