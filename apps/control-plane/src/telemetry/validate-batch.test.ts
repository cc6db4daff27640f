import { describe, expect, it } from 'vitest';
import type { TelemetryRecordReceived } from '@verge/contracts/grpc';
import { createSketch, encodeSketch } from '@verge/contracts/sketch';
import { checkBatch } from './validate-batch.js';

const sketch = Buffer.from(encodeSketch(createSketch()));
const record: TelemetryRecordReceived = {
  seq: 1,
  startMs: 1000,
  endMs: 2000,
  artifactDigest: `sha256:${'a'.repeat(64)}`,
  callerErrors: 0,
  loadErrors: 0,
  requests: 10,
  errors: 1,
  latencySketch: sketch,
  classes: [{ index: 3, count: 9 }],
  features: [{ name: 'mean', count: 10, mean: 0.5, m2: 1, min: 0, max: 1, sketch }],
};
const batch = (records: TelemetryRecordReceived[]) => ({ spoolId: 's-1', records, oldestSeq: 0 });

describe('checkBatch', () => {
  it('has nothing against a sound batch, sketches left out included', () => {
    expect(checkBatch(batch([record, { ...record, seq: 2, latencySketch: Buffer.alloc(0) }]))).toEqual([]);
  });

  it('names every bad field at once', () => {
    const feature = record.features[0]!;
    const bad: TelemetryRecordReceived = {
      seq: 0,
      startMs: -1,
      endMs: 9e15,
      artifactDigest: 'sha256:abc',
      requests: 1,
      errors: 2,
      callerErrors: -1,
      loadErrors: 2 ** 60,
      latencySketch: Buffer.from('nonsense'),
      classes: [record.classes[0]!, { index: 3, count: 2 ** 60 }],
      features: [
        { ...feature, mean: Number.NaN, m2: -1, min: 2, max: 1 },
        { ...feature, name: 'a\0', sketch: sketch.subarray(0, 20) },
        { ...feature, count: -1 },
      ],
    };
    const errors = checkBatch({ spoolId: '../x', records: [record, bad], oldestSeq: 0 });
    expect(errors.map((e) => e.field)).toEqual([
      'spool_id',
      'records[1].seq',
      'records[1].start_ms',
      'records[1].end_ms',
      'records[1].artifact_digest',
      'records[1].errors',
      'records[1].caller_errors',
      'records[1].load_errors',
      'records[1].latency_sketch',
      'records[1].classes[1].index',
      'records[1].classes[1].count',
      'records[1].features[0].mean',
      'records[1].features[0].m2',
      'records[1].features[0].max',
      'records[1].features[1].name',
      'records[1].features[1].sketch',
      'records[1].features[2].name',
      'records[1].features[2].count',
    ]);
  });

  it('bounds the number of records, classes and features', () => {
    expect(checkBatch(batch([]))[0]?.field).toBe('records');
    expect(checkBatch(batch(Array.from({ length: 1001 }, () => record)))[0]?.detail).toMatch(/1 to 1000 .* got 1001/);
    const classes = Array.from({ length: 4097 }, (_, index) => ({ index, count: 1 }));
    expect(checkBatch(batch([{ ...record, classes }])).map((e) => e.field)).toEqual(['records[0].classes']);
    const huge = { ...record, latencySketch: Buffer.alloc(36_001) };
    expect(checkBatch(batch([huge]))[0]?.detail).toMatch(/at most 36000 bytes/);
  });
});
