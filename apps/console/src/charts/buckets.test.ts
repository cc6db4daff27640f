import type { TelemetryPoint } from '@verge/contracts';
import { describe, expect, it } from 'vitest';
import { everyStep } from './buckets.js';

const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 10, minute)).toISOString();
const point = (minute: number, requests: number): TelemetryPoint => ({
  at: at(minute),
  requests,
  errors: 0,
  callerErrors: 0,
  loadErrors: 0,
  p50Ms: 1,
  p95Ms: 2,
  p99Ms: 3,
});

describe('every step of a series', () => {
  it('is there: nothing measured is zero requests and no latency, never a line across', () => {
    const filled = everyStep({ stepSeconds: 60, points: [point(1, 5), point(4, 7)] }, { from: at(0), to: at(6) });
    expect(filled.map((each) => [each.at, each.requests, each.p50Ms])).toEqual([
      [at(0), 0, null],
      [at(1), 5, 1],
      [at(2), 0, null],
      [at(3), 0, null],
      [at(4), 7, 1],
      [at(5), 0, null],
    ]);
  });

  it('keeps what the server sent outside the window, and does not grow without bound', () => {
    expect(everyStep({ stepSeconds: 60, points: [] })).toEqual([]);
    expect(everyStep({ stepSeconds: 60, points: [point(1, 5)] }).map((each) => each.at)).toEqual([at(1)]);
    expect(everyStep({ stepSeconds: 1, points: [] }, { from: at(0), to: '2027-01-01T00:00:00Z' })).toEqual([]);
    const outside = everyStep({ stepSeconds: 60, points: [point(9, 1)] }, { from: at(0), to: at(2) });
    expect(outside).toHaveLength(10);
  });
});
