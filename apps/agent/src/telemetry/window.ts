/** What happened at one artifact during one window of time: counts, sketches, running moments. */
import { telemetryLimits } from '@verge/contracts';
import { createSketch, encodeSketch, type Sketch } from '@verge/contracts/sketch';
import type { TelemetryRecord } from '@verge/contracts/grpc';

/**
 * How a request for an inference ended: answered, or by an error, and whose that is. The model's: a run that failed on input
 * that fits. The caller's: input that is malformed or does not fit. The load's: no turn, or no model loaded. Only the first
 * two reached the model and judge it.
 */
export type Outcome = 'answered' | 'model-error' | 'caller-error' | 'load-error';

/** One request for an inference to the local API. */
export interface Observation {
  artifactDigest: string;
  outcome: Outcome;
  /** From the whole request read to the answer ready, milliseconds. */
  latencyMs: number;
  /** Index of the largest score of each sample, for classifiers. */
  classes: readonly number[];
  /** Values of each feature, one a sample. */
  features: Readonly<Record<string, readonly number[]>>;
}

/** What is told of a request: it may have met no artifact, and it may have failed by the agent's own mistake. */
export type Seen = Omit<Observation, 'artifactDigest' | 'outcome'> & {
  artifactDigest: string | null;
  outcome: Outcome | 'agent-error';
};

/** A record names an artifact, and a failure of the agent's own is no artifact's: null for what belongs in no record. */
export function observationOf(seen: Seen): Observation | null {
  const { artifactDigest, outcome } = seen;
  return artifactDigest === null || outcome === 'agent-error' ? null : { ...seen, artifactDigest, outcome };
}

/** Running mean and squared deviations (Welford, Technometrics 1962), extremes and quantiles of one feature. */
class Feature {
  private count = 0;
  private mean = 0;
  private m2 = 0;
  private min = Infinity;
  private max = -Infinity;
  private readonly sketch = createSketch();

  /** @returns false for a value that is not counted */
  add(given: number): boolean {
    // Beyond these the squares overflow and the sketch's bins leave their range; no feature of interest is there.
    if (!(Math.abs(given) < 1e100)) return false;
    const value = Math.abs(given) < 1e-100 ? 0 : given;
    this.count++;
    const delta = value - this.mean;
    this.mean += delta / this.count;
    this.m2 += delta * (value - this.mean);
    this.min = Math.min(this.min, value);
    this.max = Math.max(this.max, value);
    this.sketch.accept(value);
    return true;
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
  readonly outcomes: Record<Outcome, number> = {
    answered: 0,
    'model-error': 0,
    'caller-error': 0,
    'load-error': 0,
  };
  /** Values that a record has no room for, or cannot say. */
  left = 0;
  readonly latency: Sketch = createSketch();
  readonly classes = new Map<number, number>();
  readonly features = new Map<string, Feature>();

  add(seen: Observation): void {
    this.outcomes[seen.outcome]++;
    if (seen.outcome === 'answered') this.latency.accept(seen.latencyMs);
    for (const index of seen.classes) {
      if (this.classes.has(index) || this.classes.size < telemetryLimits.classesPerRecord) {
        this.classes.set(index, (this.classes.get(index) ?? 0) + 1);
      } else this.left++;
    }
    for (const [name, values] of Object.entries(seen.features)) {
      let feature = this.features.get(name);
      if (!feature) {
        if (this.features.size === telemetryLimits.featuresPerRecord) {
          this.left += values.length;
          continue;
        }
        this.features.set(name, (feature = new Feature()));
      }
      for (const value of values) if (!feature.add(value)) this.left++;
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

  /** Values that are in no record, for lack of room or because they are not finite. */
  get left(): number {
    return [...this.entries.values()].reduce((sum, entry) => sum + entry.left, 0);
  }

  /** One record for each artifact; `seq` is given by the spool. */
  records(endMs: number): TelemetryRecord[] {
    return [...this.entries].map(([artifactDigest, entry]) => ({
      seq: 0,
      startMs: this.startMs,
      // The clock may have been set back meanwhile.
      endMs: Math.max(this.startMs, endMs),
      artifactDigest,
      requests: entry.outcomes.answered + entry.outcomes['model-error'],
      errors: entry.outcomes['model-error'],
      callerErrors: entry.outcomes['caller-error'],
      loadErrors: entry.outcomes['load-error'],
      latencySketch: encodeSketch(entry.latency),
      classes: [...entry.classes].map(([index, count]) => ({ index, count })),
      features: [...entry.features].filter(([, f]) => !f.empty).map(([name, feature]) => feature.record(name)),
    }));
  }
}
