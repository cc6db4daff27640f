import type { FieldError } from '@verge/contracts';
import { telemetryLimits, textProblem } from '@verge/contracts';
import { readSketch, SketchError } from '@verge/contracts/sketch';
import type { TelemetryBatchReceived, TelemetryRecordReceived } from '@verge/contracts/grpc';

/** Latest instant of ECMAScript and PostgreSQL alike, milliseconds since 1970. */
const latestMs = 8.64e15;

/**
 * Every bad field of a batch, at once; a batch with any is refused whole. Paths are those of device.proto.
 */
export function checkBatch(batch: TelemetryBatchReceived): FieldError[] {
  const bad: FieldError[] = [];
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(batch.spoolId)) {
    bad.push({ field: 'spool_id', detail: "expected 1 to 64 letters, digits, '.', '_' or '-'" });
  }
  if (!isCount(batch.oldestSeq)) bad.push({ field: 'oldest_seq', detail: 'expected an integer from 0 to 2^53 - 1' });
  const { length } = batch.records;
  if (length < 1 || length > telemetryLimits.recordsPerBatch) {
    bad.push({ field: 'records', detail: `expected 1 to ${telemetryLimits.recordsPerBatch} records, got ${length}` });
    return bad;
  }
  for (const [index, record] of batch.records.entries()) checkRecord(record, `records[${index}]`, bad);
  return bad;
}

function checkRecord(record: TelemetryRecordReceived, at: string, bad: FieldError[]): void {
  const expect = (ok: boolean, field: string, detail: string) => {
    if (!ok) bad.push({ field: `${at}.${field}`, detail });
  };
  expect(isCount(record.seq) && record.seq > 0, 'seq', 'expected an integer from 1 to 2^53 - 1');
  expect(isInstant(record.startMs), 'start_ms', 'expected milliseconds since 1970');
  expect(isInstant(record.endMs) && record.endMs >= record.startMs, 'end_ms', 'expected a time not before start_ms');
  expect(/^sha256:[0-9a-f]{64}$/.test(record.artifactDigest), 'artifact_digest', 'expected sha256:<64 hex digits>');
  expect(isCount(record.requests), 'requests', 'expected an integer from 0 to 2^53 - 1');
  expect(isCount(record.errors) && record.errors <= record.requests, 'errors', 'expected an integer up to requests');
  expect(isCount(record.callerErrors), 'caller_errors', 'expected an integer from 0 to 2^53 - 1');
  expect(isCount(record.loadErrors), 'load_errors', 'expected an integer from 0 to 2^53 - 1');
  const problem = sketchProblem(record.latencySketch);
  expect(problem === null, 'latency_sketch', problem ?? '');
  checkClasses(record, expect);
  checkFeatures(record, expect);
}

type Expect = (ok: boolean, field: string, detail: string) => void;

function checkClasses({ classes }: TelemetryRecordReceived, expect: Expect): void {
  const most = telemetryLimits.classesPerRecord;
  expect(classes.length <= most, 'classes', `expected at most ${most}, got ${classes.length}`);
  const seen = new Set<number>();
  for (const [i, { index, count }] of classes.slice(0, most).entries()) {
    expect(!seen.has(index), `classes[${i}].index`, `class ${index} is there twice`);
    expect(isCount(count), `classes[${i}].count`, 'expected an integer from 0 to 2^53 - 1');
    seen.add(index);
  }
}

function checkFeatures({ features }: TelemetryRecordReceived, expect: Expect): void {
  const most = telemetryLimits.featuresPerRecord;
  expect(features.length <= most, 'features', `expected at most ${most}, got ${features.length}`);
  const seen = new Set<string>();
  for (const [i, feature] of features.slice(0, most).entries()) {
    const at = `features[${i}]`;
    const named = feature.name.length > 0 && feature.name.length <= telemetryLimits.featureNameLength;
    expect(named, `${at}.name`, `expected 1 to ${telemetryLimits.featureNameLength} characters`);
    const problem = textProblem(feature.name);
    expect(problem === null, `${at}.name`, problem ?? '');
    expect(!seen.has(feature.name), `${at}.name`, `feature ${JSON.stringify(feature.name)} is there twice`);
    seen.add(feature.name);
    expect(isCount(feature.count), `${at}.count`, 'expected an integer from 0 to 2^53 - 1');
    for (const name of ['mean', 'min', 'max'] as const)
      expect(Number.isFinite(feature[name]), `${at}.${name}`, 'expected a finite number');
    expect(Number.isFinite(feature.m2) && feature.m2 >= 0, `${at}.m2`, 'expected a finite number from 0');
    expect(feature.min <= feature.max, `${at}.max`, 'expected at least min');
    const sketch = sketchProblem(feature.sketch);
    expect(sketch === null, `${at}.sketch`, sketch ?? '');
  }
}

/** A window without a single answer has an empty sketch, which may be left out. */
function sketchProblem(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return null;
  if (bytes.length > telemetryLimits.sketchBytes) {
    return `expected at most ${telemetryLimits.sketchBytes} bytes, got ${bytes.length}`;
  }
  try {
    readSketch(bytes);
    return null;
  } catch (error) {
    if (error instanceof SketchError) return error.message;
    throw error;
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isInstant(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= latestMs;
}
