import type { Gate } from '@verge/contracts';
import type { DeviceObservation, RolloutDeviceSnapshot } from './snapshot.js';

export interface WaveFigures {
  /** Devices that have reported how it went, or may still do so in time; what was left behind is no evidence. */
  readonly devices: number;
  readonly failed: number;
  /** Updated devices whose figures count, because they have answered `minRequests`; and those that have not yet. */
  readonly withTraffic: number;
  readonly withoutTraffic: number;
  /** Of the devices whose figures count. */
  readonly requests: number;
  readonly errors: number;
  /** Errors that the same requests would have met with the version before, each device at its own earlier rate. */
  readonly expectedErrors: number;
  /** Median over devices of new p50 / old p50 on the same device. */
  readonly latencyRatio: number | null;
}

export interface WaveMember {
  readonly device: RolloutDeviceSnapshot;
  readonly seen: DeviceObservation | undefined;
}

/**
 * The figures of one wave. The versions are compared device by device: merging the devices first would let a change of
 * traffic between slow and fast, or good and bad, devices look like a change of the model.
 */
export function waveFigures(members: readonly WaveMember[], gate: Gate): WaveFigures {
  const count = (...states: string[]) => members.filter(({ device }) => states.includes(device.state)).length;
  const updated = members.filter(({ device }) => device.state === 'updated');
  const enough = Math.max(1, gate.minRequests);
  const counted = updated.flatMap(({ seen }) => (seen !== undefined && seen.requests >= enough ? [seen] : []));
  const ratios = counted.flatMap(({ p50Ms, baselineP50Ms }) =>
    p50Ms !== null && baselineP50Ms !== null && baselineP50Ms > 0 ? [p50Ms / baselineP50Ms] : [],
  );
  const leftBehind = count('pending') + (gate.countStalled ? 0 : count('stalled'));
  return {
    devices: members.length - count('skipped') - leftBehind,
    failed: count('failed') + (gate.countStalled ? count('stalled') : 0),
    withTraffic: counted.length,
    withoutTraffic: updated.filter(({ seen }) => !seen?.revoked && (seen?.requests ?? 0) < gate.minRequests).length,
    requests: counted.reduce((sum, seen) => sum + seen.requests, 0),
    errors: counted.reduce((sum, seen) => sum + seen.errors, 0),
    expectedErrors: counted.reduce((sum, seen) => sum + seen.requests * earlierErrorRate(seen), 0),
    latencyRatio: median(ratios),
  };
}

/** Of the version before, on the same device; 0 when it is not known to have had any. */
export function earlierErrorRate(of: { readonly baselineRequests: number; readonly baselineErrors: number }): number {
  const { baselineRequests, baselineErrors } = of;
  return baselineRequests > 0 ? Math.min(1, baselineErrors / baselineRequests) : 0;
}

/** Why a wave breaks its gate, in words; null while it holds. */
export function gateBreach(figures: WaveFigures, gate: Gate, lastError: string | null): string | null {
  const { devices, failed, requests, errors, expectedErrors, latencyRatio } = figures;
  if (devices > 0 && failed / devices > gate.maxFailedFraction) {
    const why = lastError === null ? '' : `; the last one: ${lastError}`;
    return `${failed} of ${devices} devices failed, at most ${percent(gate.maxFailedFraction)} may${why}`;
  }
  // The margin is for rounding in the sum of expected errors: at exactly the limit the gate holds.
  if (requests > 0 && (errors - expectedErrors) / requests > gate.maxErrorRate + 1e-9) {
    const before = expectedErrors > 0 ? `${percent(expectedErrors / requests)} did with the version before, ` : '';
    const allowed = `at most ${percent(gate.maxErrorRate)}${expectedErrors > 0 ? ' more' : ''} may`;
    return `${percent(errors / requests)} of ${requests} requests ended in an error of the model; ${before}${allowed}`;
  }
  if (gate.maxLatencyRatio !== null && latencyRatio !== null && latencyRatio > gate.maxLatencyRatio) {
    return `the median latency is ${latencyRatio.toFixed(2)} times the previous version's, at most ${gate.maxLatencyRatio} is allowed`;
  }
  return null;
}

/** The upper of the two middle values of an even number: the gate rather stops once too often. */
export function median(values: readonly number[]): number | null {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}

function percent(fraction: number): string {
  return `${Number((fraction * 100).toFixed(2))} %`;
}
