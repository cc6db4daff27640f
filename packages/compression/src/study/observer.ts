/**
 * Ranges of activations from calibration runs. Values stream through; only a histogram is kept for each tensor.
 */
import type { Range } from '../passes/quantize-static/scale.js';

export const bins = 2048;

/** Counts of values between fixed bounds. */
export class Histogram {
  readonly counts = new Float64Array(bins);
  readonly min: number;
  readonly max: number;
  total = 0;

  constructor(range: Range) {
    this.min = Math.min(0, range.min);
    this.max = Math.max(range.max, this.min + 1e-12, 0);
  }

  get width(): number {
    return (this.max - this.min) / bins;
  }

  add(values: Float32Array): void {
    const scale = bins / (this.max - this.min);
    for (const value of values) {
      const bin = Math.min(bins - 1, Math.max(0, Math.floor((value - this.min) * scale)));
      this.counts[bin] = (this.counts[bin] as number) + 1;
    }
    this.total += values.length;
  }
}

/** The range that keeps `percent` of the values, the rest cut off in equal parts at both ends (at one end where zero bounds). */
export function percentileRange(histogram: Histogram, percent: number): Range {
  const outside = histogram.total * (1 - percent / 100);
  const oneSided = histogram.min === 0 || histogram.max === 0;
  const cutLow = histogram.min === 0 ? 0 : oneSided ? outside : outside / 2;
  const cutHigh = histogram.max === 0 ? 0 : oneSided ? outside : outside / 2;
  return { min: edge(histogram, cutLow, true), max: edge(histogram, cutHigh, false) };
}

function edge(histogram: Histogram, cut: number, low: boolean): number {
  let seen = 0;
  for (let k = 0; k < bins; k++) {
    const bin = low ? k : bins - 1 - k;
    seen += histogram.counts[bin] as number;
    if (seen > cut) return low ? histogram.min + bin * histogram.width : histogram.min + (bin + 1) * histogram.width;
  }
  return low ? histogram.min : histogram.max;
}

/**
 * The range whose 8-bit representation loses least information (Kullback-Leibler divergence, after Migacz, "8-bit Inference
 * with TensorRT", 2017): windows from the whole histogram down to 128 bins, the tails clipped into the outer bins.
 */
export function entropyRange(histogram: Histogram): Range {
  const zero = Math.round(-histogram.min / histogram.width);
  const levels = 128;
  let best: Range = { min: histogram.min, max: histogram.max };
  let lowest = Infinity;
  for (let keep = levels; keep <= bins; keep += 16) {
    // Shrink both ends in proportion to their distance from zero.
    const low = Math.round(zero * (1 - keep / bins));
    const high = Math.round(zero + (bins - zero) * (keep / bins));
    const divergence = klDivergence(histogram.counts, low, high, levels);
    if (divergence < lowest) {
      lowest = divergence;
      best = { min: histogram.min + low * histogram.width, max: histogram.min + high * histogram.width };
    }
  }
  return best;
}

function klDivergence(counts: Float64Array, low: number, high: number, levels: number): number {
  const p = counts.slice(low, high);
  const n = p.length;
  if (n < levels) return Infinity;
  for (let i = 0; i < low; i++) p[0] = (p[0] as number) + (counts[i] as number);
  for (let i = high; i < bins; i++) p[n - 1] = (p[n - 1] as number) + (counts[i] as number);
  const total = p.reduce((a, b) => a + b, 0);
  let sum = 0;
  for (let level = 0; level < levels; level++) {
    const from = Math.floor((level * n) / levels);
    const to = Math.floor(((level + 1) * n) / levels);
    let mass = 0;
    let filled = 0;
    for (let i = from; i < to; i++) {
      mass += counts[low + i] as number;
      if ((p[i] as number) > 0) filled++;
    }
    for (let i = from; i < to; i++) {
      const value = p[i] as number;
      if (value > 0) sum += (value / total) * Math.log(value / total / Math.max(mass / filled / total, 1e-12));
    }
  }
  return sum;
}
