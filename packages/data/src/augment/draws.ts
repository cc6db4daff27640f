/** Distributions that augmentations draw from, over the seeded generator. */
import type { Random } from '../random.js';

/** Streams of one sample; each is a function of the batch's seed and the sample's place in it. */
export const sampleSeed = (seed: number, place: number): number => Math.imul(seed, 0x85ebca6b) + place;

/** Standard normal, by Marsaglia's polar method; the second of each pair is not kept. */
export function normal(random: Random): number {
  for (;;) {
    const u = random.symmetric(1);
    const v = random.symmetric(1);
    const s = u * u + v * v;
    if (s > 0 && s < 1) return u * Math.sqrt((-2 * Math.log(s)) / s);
  }
}

/** Adds normal numbers times `deviation`, a pair of Marsaglia's polar method at a time. */
export function addNormal(values: Float32Array, deviation: number, random: Random): void {
  for (let i = 0; i < values.length;) {
    const u = random.symmetric(1);
    const v = random.symmetric(1);
    const s = u * u + v * v;
    if (s === 0 || s >= 1) continue;
    const factor = deviation * Math.sqrt((-2 * Math.log(s)) / s);
    values[i] = (values[i] as number) + u * factor;
    if (i + 1 < values.length) values[i + 1] = (values[i + 1] as number) + v * factor;
    i += 2;
  }
}

/** Gamma(shape, 1) (Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables", ACM TOMS 26(3), 2000). */
function gamma(shape: number, random: Random): number {
  if (shape < 1) return gamma(shape + 1, random) * Math.pow(1 - random.unit(), 1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random.unit()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Beta(alpha, alpha) as a ratio of gammas; 1/2 where both are too small for a double. */
export function beta(alpha: number, random: Random): number {
  const a = gamma(alpha, random);
  const b = gamma(alpha, random);
  return a + b === 0 ? 0.5 : a / (a + b);
}
