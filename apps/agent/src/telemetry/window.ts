/** What happened at one artifact during one window of time: counts, sketches, running moments. */
import { telemetryLimits } from '@verge/contracts';
import { createSketch, encodeSketch, type Sketch } from '@verge/contracts/sketch';
import type { TelemetryRecord } from '@verge/contracts/grpc';

/** One answered request to the local API. */
export interface Observation {
  artifactDigest: string;
  /** From the whole request read to the answer ready, milliseconds. */
  latencyMs: number;
  failed: boolean;
  /** Index of the largest score of each sample, for classifiers. */
  classes: readonly number[];
  /** Values of each feature, one a sample. */
  features: Readonly<Record<string, readonly number[]>>;
}

/** Running mean and squared deviations (Welford, Technometrics 1962), extremes and quantiles of one feature. */
class Feature {
  private count = 0;
  private mean = 0;
  private m2 = 0;
  private min = Infinity;
  private max = -Infinity;
  private readonly sketch = createSketch();

  add(given: number): void {
    // Beyond these the squares overflow and the sketch's bins leave their range; no feature of interest is there.
    if (!(Math.abs(given) < 1e100)) return;
    const value = Math.abs(given) < 1e-100 ? 0 : given;
    this.count++;
    const delta = value - this.mean;
    this.mean += delta / this.count;
    this.m2 += delta * (value - this.mean);
    this.min = Math.min(this.min, value);
    this.max = Math.max(this.max, value);
    this.sketch.accept(value);
  }

  get empty(): boolean {
    return this.count === 0;
  }

  record(name: string) {
    const { count, mean, m2, min, max } = this;
    return { name, count, mean, m2, min, max, sketch: encodeSketch(this.sketch) };
  }
}

class Entry {
  requests = 0;
  errors = 0;
  readonly latency: Sketch = createSketch();
  readonly classes = new Map<number, number>();
  readonly features = new Map<string, Feature>();

  add(seen: Observation): void {
    this.requests++;
    if (seen.failed) this.errors++;
    else this.latency.accept(seen.latencyMs);
    for (const index of seen.classes) {
      if (this.classes.has(index) || this.classes.size < telemetryLimits.classesPerRecord) {
        this.classes.set(index, (this.classes.get(index) ?? 0) + 1);
      }
    }
    for (const [name, values] of Object.entries(seen.features)) {
      let feature = this.features.get(name);
      if (!feature) {
        if (this.features.size === telemetryLimits.featuresPerRecord) continue;
        this.features.set(name, (feature = new Feature()));
      }
      for (const value of values) feature.add(value);
    }
  }
}

/** Everything since `startMs`, for each artifact that served. */
export class Window {
  private readonly entries = new Map<string, Entry>();

  constructor(readonly startMs: number) {}

  add(seen: Observation): void {
    let entry = this.entries.get(seen.artifactDigest);
    if (!entry) this.entries.set(seen.artifactDigest, (entry = new Entry()));
    entry.add(seen);
  }

  get empty(): boolean {
    return this.entries.size === 0;
  }

  /** One record for each artifact; `seq` is given by the spool. */
  records(endMs: number): TelemetryRecord[] {
    return [...this.entries].map(([artifactDigest, entry]) => ({
      seq: 0,
      startMs: this.startMs,
      // The clock may have been set back meanwhile.
      endMs: Math.max(this.startMs, endMs),
      artifactDigest,
      requests: entry.requests,
      errors: entry.errors,
      callerErrors: 0,
      loadErrors: 0,
      latencySketch: encodeSketch(entry.latency),
      classes: [...entry.classes].map(([index, count]) => ({ index, count })),
      features: [...entry.features].filter(([, f]) => !f.empty).map(([name, feature]) => feature.record(name)),
    }));
  }
}
