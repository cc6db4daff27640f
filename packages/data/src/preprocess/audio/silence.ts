import type { StepOf } from '@verge/contracts';

/**
 * The part of a recording between the first and the last frame that is not silent: whose root mean square is less than
 * `topDb` below the loudest frame's. As librosa.effects.trim(ref=max), frames centred, zeros around the recording.
 * @returns a view; empty when everything is silent
 */
export function trimSilence(signal: Float32Array, { topDb, frame, hop }: StepOf<'trim-silence'>): Float32Array {
  const count = 1 + Math.floor((signal.length + 2 * Math.floor(frame / 2) - frame) / hop);
  const power = new Float64Array(Math.max(0, count));
  for (let f = 0; f < power.length; f++) {
    const start = f * hop - Math.floor(frame / 2);
    let sum = 0;
    for (let i = Math.max(0, start); i < Math.min(signal.length, start + frame); i++) {
      sum += (signal[i] as number) ** 2;
    }
    power[f] = sum / frame;
  }
  // Amplitudes below 1e-5 count as 1e-5: a recording of zeros has no loudest frame.
  const db = power.map((value) => 10 * Math.log10(Math.max(1e-10, value)));
  const limit = db.reduce((a, b) => Math.max(a, b), -Infinity) - topDb;
  const first = db.findIndex((value) => value > limit);
  if (first < 0) return signal.subarray(0, 0);
  const last = db.findLastIndex((value) => value > limit);
  return signal.subarray(first * hop, Math.min(signal.length, (last + 1) * hop));
}
