/** Quantiles and moments of many records as if they had been one. */
import type { TelemetryTotals } from '@verge/contracts';
import type { Sketch } from '@verge/contracts/sketch';
import { createSketch, decodeSketch, quantile } from '@verge/contracts/sketch';

/** Merges encoded sketches; an empty byte string is an empty sketch. */
export class MergedSketch {
  private readonly sketch: Sketch = createSketch();

  add(bytes: Uint8Array): void {
    if (bytes.length > 0) this.sketch.merge(decodeSketch(bytes));
  }

  quantile(q: number): number | null {
    return quantile(this.sketch, q);
  }
}

/** One feature of one record, as it is stored. */
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
  private readonly sketch = new MergedSketch();

  add(feature: StoredFeature): void {
    if (feature.count === 0) return;
    const total = this.count + feature.count;
    const delta = feature.mean - this.mean;
    this.m2 += feature.m2 + (delta * delta * this.count * feature.count) / total;
    this.mean += (delta * feature.count) / total;
    this.count = total;
    this.min = Math.min(this.min, feature.min);
    this.max = Math.max(this.max, feature.max);
    this.sketch.add(Buffer.from(feature.sketch, 'base64'));
  }

  /** Null when no value was seen. The standard deviation is that of the values themselves (divisor n). */
  summary(name: string): TelemetryTotals['features'][number] | null {
    if (this.count === 0) return null;
    const { count, mean, min, max, sketch } = this;
    const [p05, p50, p95] = [sketch.quantile(0.05), sketch.quantile(0.5), sketch.quantile(0.95)];
    return { name, count, mean, std: Math.sqrt(this.m2 / count), min, max, p05, p50, p95 };
  }
}
