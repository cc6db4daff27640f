/** What other libraries make of recordings, for tests: librosa, SciPy and libsndfile. */
import { readFileSync } from 'node:fs';
import { Preprocess } from '@verge/contracts';
import type { MelStep } from './features.js';

interface Case {
  step: Record<string, unknown>;
  expected: string;
}
export const golden = JSON.parse(readFileSync(new URL('./audio.golden.json', import.meta.url), 'utf8')) as {
  rate: number;
  signal: string;
  logMel: Case[];
  mfcc: Case[];
  preEmphasis: string;
  trim: { step: { topDb: number; frame: number; hop: number }; range: [number, number] }[];
  resample: { from: number; to: number; expected: string }[];
  wav: { name: string; file: string; rate: number; channels: number; expected: string }[];
};
export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
export const doubles = (text: string): Float64Array => new Float64Array(bytes(text).buffer);
export const signal = new Float32Array(bytes(golden.signal).buffer);

/** A step with its defaults, for the recording's rate. */
export const stepOf = (step: object): MelStep =>
  Preprocess.shape.steps.parse([{ rate: golden.rate, ...step }])[0] as MelStep;

/** Largest absolute difference; infinite where the lengths differ. */
export function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}
