/** Moments and quantiles of one feature over many records, as if they had been one. */
import type { TelemetryTotals } from '@verge/contracts';
import { SketchSum } from '@verge/contracts/sketch';

/** One feature of one record or roll-up, as it is stored. */
export interface StoredFeature {
  readonly name: string;
  readonly count: number;
  readonly mean: number;
  readonly m2: number;
  readonly min: number;
  readonly max: number;
  /** base64 */
  readonly sketch: string;
}

/** Combines running moments pairwise: Chan, Golub, LeVeque, "Updating Formulae" (1979), equation 2.1. */
export class MergedFeature {
  private count = 0;
  private mean = 0;
  private m2 = 0;
  private min = Infinity;
  private max = -Infinity;
  private readonly sketch = new SketchSum();

  /** @throws SketchError; nothing is added then */
  add(feature: StoredFeature): void {
    if (feature.count === 0) return;
    this.sketch.add(Buffer.from(feature.sketch, 'base64'));
    const total = this.count + feature.count;
    const delta = feature.mean - this.mean;
    this.m2 += feature.m2 + (delta * delta * this.count * feature.count) / total;
    this.mean += (delta * feature.count) / total;
    this.count = total;
    this.min = Math.min(this.min, feature.min);
    this.max = Math.max(this.max, feature.max);
  }

  stored(name: string): StoredFeature {
    const { count, mean, m2, min, max } = this;
    return { name, count, mean, m2, min, max, sketch: Buffer.from(this.sketch.encode()).toString('base64') };
  }

  /** Null when no value was seen. The standard deviation is that of the values themselves (divisor n). */
  summary(name: string): TelemetryTotals['features'][number] | null {
    if (this.count === 0) return null;
    const { mean, min, max, sketch } = this;
    const count = Math.min(this.count, Number.MAX_SAFE_INTEGER);
    const [p05, p50, p95] = [sketch.quantile(0.05), sketch.quantile(0.5), sketch.quantile(0.95)];
    return { name, count, mean, std: Math.sqrt(this.m2 / this.count), min, max, p05, p50, p95 };
  }
}
