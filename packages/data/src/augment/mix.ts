/** Mixup (Zhang et al., arXiv:1710.09412): convex combinations of two samples and of what they should become. */
import { Random } from '../random.js';
import { beta, sampleSeed } from './draws.js';

/** For each row of a batch: the row that it is mixed with, and its own share. */
export interface Mix {
  readonly partner: Int32Array;
  readonly weight: Float32Array;
}

/** Keeps the streams apart from those that move the samples. */
const SALT = 0x6d697875;

/** @param alpha both parameters of the Beta distribution that the shares are drawn from */
export function drawMix(rows: number, alpha: number, seed: number): Mix {
  const mix = { partner: new Int32Array(rows), weight: new Float32Array(rows) };
  for (let i = 0; i < rows; i++) {
    const random = new Random(sampleSeed(seed ^ SALT, i));
    mix.partner[i] = Math.floor(random.unit() * rows);
    mix.weight[i] = beta(alpha, random);
  }
  return mix;
}

/** Each row of a matrix [rows, width] mixed with its partner. */
export function mixRows(values: Float32Array, width: number, { partner, weight }: Mix): Float32Array {
  const mixed = new Float32Array(values.length);
  for (let i = 0; i < partner.length; i++) {
    const [own, other] = [i * width, (partner[i] as number) * width];
    const share = weight[i] as number;
    for (let j = 0; j < width; j++) {
      mixed[own + j] = share * (values[own + j] as number) + (1 - share) * (values[other + j] as number);
    }
  }
  return mixed;
}

/** The samples of a batch mixed with each other; `drawMix` of the same arguments tells how. */
export function mixBatch(x: Float32Array, shape: readonly number[], alpha: number, seed: number): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  return mixRows(x, size, drawMix(x.length / size, alpha, seed));
}
