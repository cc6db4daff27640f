/** Mel bands: triangles over the points of a spectrum, equally wide in mel. */

export interface Bands {
  readonly rate: number;
  readonly fft: number;
  readonly mels: number;
  readonly fmin: number;
  readonly fmax: number;
  readonly scale: 'slaney' | 'htk';
  readonly norm: 'slaney' | 'none';
}

/** Slaney's Auditory Toolbox (1998): linear up to 1 kHz, then 27 steps to a factor of 6.4. */
const linearHz = 200 / 3;
const corner = 1000;
const logStep = Math.log(6.4) / 27;

const scales = {
  slaney: {
    toMel: (hz: number): number => (hz < corner ? hz / linearHz : corner / linearHz + Math.log(hz / corner) / logStep),
    toHz: (mel: number): number =>
      mel < corner / linearHz ? mel * linearHz : corner * Math.exp(logStep * (mel - corner / linearHz)),
  },
  /** The HTK Book: 2595 log10(1 + f / 700). */
  htk: {
    toMel: (hz: number): number => 2595 * Math.log10(1 + hz / 700),
    toHz: (mel: number): number => 700 * (10 ** (mel / 2595) - 1),
  },
} as const;

/** Weights of one band: those of the points from `start` on. */
export interface Band {
  readonly start: number;
  readonly weights: Float64Array;
}

/** @returns one band after the other, lowest first; a band narrower than a point may have no weight at all */
export function melBands({ rate, fft, mels, fmin, fmax, scale, norm }: Bands): Band[] {
  const { toMel, toHz } = scales[scale];
  const [low, high] = [toMel(fmin), toMel(fmax)];
  const edges = Float64Array.from({ length: mels + 2 }, (_, i) => toHz(low + ((high - low) * i) / (mels + 1)));
  return Array.from({ length: mels }, (_, band) => {
    const [from, peak, to] = [edges[band] as number, edges[band + 1] as number, edges[band + 2] as number];
    const all = Float64Array.from({ length: fft / 2 + 1 }, (__, k) => {
      const hz = (k * rate) / fft;
      const weight = Math.max(0, Math.min((hz - from) / (peak - from), (to - hz) / (to - peak)));
      return norm === 'slaney' ? (weight * 2) / (to - from) : weight;
    });
    const start = Math.max(
      0,
      all.findIndex((weight) => weight > 0),
    );
    const end = all.findLastIndex((weight) => weight > 0) + 1;
    return { start, weights: all.slice(start, Math.max(start, end)) };
  });
}
