/**
 * Whether a well-formed record can be true. A device is believed within bounds only: one that lies, or whose clock is
 * wrong, must not spoil what the others say. What is implausible is set aside, never counted.
 */
import type { FieldError } from '@verge/contracts';
import { telemetryLimits } from '@verge/contracts';
import type { FeatureSketchReceived, TelemetryRecordReceived } from '@verge/contracts/grpc';
import { readSketch } from '@verge/contracts/sketch';

export interface PlausibleLimits {
  /** Requests that one device can answer or refuse in a second. */
  readonly requestsPerSecond: number;
  /** How far a device's clock may be from ours. */
  readonly clockToleranceMs: number;
}

export interface PlausibleContext {
  readonly limits: PlausibleLimits;
  readonly nowMs: number;
  readonly enrolledAtMs: number;
  /** Artifacts of the batch that the device was never offered and never said to serve. */
  readonly foreignArtifacts: ReadonlySet<string>;
}

type Expect = (ok: boolean, field: string, detail: () => string) => void;

/** Every reason against a record; none when it can be true. */
export function implausible(record: TelemetryRecordReceived, context: PlausibleContext): FieldError[] {
  const reasons: FieldError[] = [];
  const expect: Expect = (ok, field, detail) => {
    if (!ok) reasons.push({ field, detail: detail() });
  };
  expect(!context.foreignArtifacts.has(record.artifactDigest), 'artifact_digest', () => 'the device never had it');
  checkWindow(record, context, expect);
  checkCounts(record, context, expect);
  for (const [i, feature] of record.features.entries()) {
    checkFeature(feature, `features[${i}]`, samplesOf(record.requests), expect);
  }
  return reasons;
}

function checkWindow({ startMs, endMs }: TelemetryRecordReceived, context: PlausibleContext, expect: Expect): void {
  const { nowMs, enrolledAtMs } = context;
  const { clockToleranceMs } = context.limits;
  const most = telemetryLimits.windowSeconds;
  expect(endMs - startMs <= most * 1000, 'end_ms', () => `expected a window of at most ${most} s`);
  expect(startMs >= enrolledAtMs - clockToleranceMs, 'start_ms', () => {
    return `expected a time after the device was enrolled, ${new Date(enrolledAtMs).toISOString()}`;
  });
  expect(endMs <= nowMs + clockToleranceMs, 'end_ms', () => {
    return `expected a time at most ${clockToleranceMs / 1000} s ahead of when it came, ${new Date(nowMs).toISOString()}`;
  });
}

function checkCounts(record: TelemetryRecordReceived, { limits }: PlausibleContext, expect: Expect): void {
  const { requests, errors, callerErrors, loadErrors, classes } = record;
  // A short window still holds what was under way when it began.
  const seconds = Math.max(1, (record.endMs - record.startMs) / 1000);
  const most = Math.ceil(seconds * limits.requestsPerSecond);
  expect(requests + callerErrors + loadErrors <= most, 'requests', () => {
    return `expected at most ${most} requests of all kinds in ${seconds} s, ${limits.requestsPerSecond} a second`;
  });
  const samples = samplesOf(requests - errors);
  const counted = classes.reduce((sum, { count }) => sum + count, 0);
  expect(counted <= samples, 'classes', () => `expected at most ${samples} classes of ${requests - errors} answers`);
  if (record.latencySketch.length === 0) return;
  const { count, min, max } = readSketch(record.latencySketch);
  const longest = telemetryLimits.windowSeconds * 1000;
  expect(count <= requests, 'latency_sketch', () => `expected at most ${requests} latencies, got ${count}`);
  expect(count === 0 || (min >= 0 && max <= longest), 'latency_sketch', () => {
    return `expected latencies from 0 to ${longest} ms`;
  });
}

function checkFeature(feature: FeatureSketchReceived, at: string, samples: number, expect: Expect): void {
  const { count, mean, m2, min, max } = feature;
  expect(count <= samples, `${at}.count`, () => `expected at most ${samples} values`);
  const greatest = Math.max(Math.abs(min), Math.abs(max));
  expect(greatest <= telemetryLimits.featureMagnitude, `${at}.max`, () => {
    return `expected values up to ${telemetryLimits.featureMagnitude}`;
  });
  // Sums of many values are rounded.
  const slack = 1e-6 * greatest;
  expect(count === 0 || (mean >= min - slack && mean <= max + slack), `${at}.mean`, () => 'expected min to max');
  // No value is further from the mean than the extremes are from each other.
  expect(m2 <= count * (max - min + slack) ** 2, `${at}.m2`, () => 'expected what values from min to max can have');
  if (feature.sketch.length === 0) return;
  const held = readSketch(feature.sketch).count;
  expect(held <= count, `${at}.sketch`, () => `expected at most ${count} values, got ${held}`);
}

/** A request may carry a batch of samples. */
function samplesOf(requests: number): number {
  return requests * telemetryLimits.samplesPerRequest;
}
