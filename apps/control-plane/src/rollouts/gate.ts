import type { Gate } from '@verge/contracts';
import type { DeviceObservation, RolloutDeviceSnapshot } from './snapshot.js';

export interface WaveFigures {
  readonly devices: number;
  readonly updated: number;
  readonly failed: number;
  /** Of the devices whose figures count. */
  readonly requests: number;
  readonly errors: number;
  /** Medians over the devices whose figures count, milliseconds. */
  readonly p50Ms: number | null;
  readonly baselineP50Ms: number | null;
  /** Median over devices of new p50 / old p50 on the same device. */
  readonly latencyRatio: number | null;
  /** Updated devices that have not yet answered `minRequests`. */
  readonly withoutTraffic: number;
}

interface Member {
  readonly device: RolloutDeviceSnapshot;
  readonly seen: DeviceObservation | undefined;
}

/**
 * The figures of one wave. Latencies are compared device by device, then the median of the ratios is taken: merging the
 * devices' latencies first would let a change of traffic between slow and fast devices look like a change of the model.
 */
export function waveFigures(members: readonly Member[], gate: Gate): WaveFigures {
  const present = members.filter(({ device }) => device.state !== 'skipped');
  const updated = present.filter(({ device }) => device.state === 'updated');
  const enough = Math.max(1, gate.minRequests);
  const counted = updated.flatMap(({ seen }) => (seen !== undefined && seen.requests >= enough ? [seen] : []));
  const pairs = counted.flatMap(({ p50Ms, baselineP50Ms }) =>
    p50Ms !== null && baselineP50Ms !== null && baselineP50Ms > 0 ? [{ p50Ms, baselineP50Ms }] : [],
  );
  return {
    devices: present.length,
    updated: updated.length,
    failed: present.filter(({ device }) => device.state === 'failed').length,
    requests: counted.reduce((sum, seen) => sum + seen.requests, 0),
    errors: counted.reduce((sum, seen) => sum + seen.errors, 0),
    p50Ms: median(counted.flatMap((seen) => (seen.p50Ms === null ? [] : [seen.p50Ms]))),
    baselineP50Ms: median(counted.flatMap((seen) => (seen.baselineP50Ms === null ? [] : [seen.baselineP50Ms]))),
    latencyRatio: median(pairs.map((pair) => pair.p50Ms / pair.baselineP50Ms)),
    withoutTraffic: updated.filter(({ seen }) => !seen?.revoked && (seen?.requests ?? 0) < gate.minRequests).length,
  };
}

/** Why a wave breaks its gate, in words; null while it holds. */
export function gateBreach(figures: WaveFigures, gate: Gate, lastError: string | null): string | null {
  const { devices, failed, requests, errors, latencyRatio } = figures;
  if (devices > 0 && failed / devices > gate.maxFailedFraction) {
    const why = lastError === null ? '' : `; the last one: ${lastError}`;
    return `${failed} of ${devices} devices failed, at most ${percent(gate.maxFailedFraction)} may${why}`;
  }
  if (requests > 0 && errors / requests > gate.maxErrorRate) {
    return `${percent(errors / requests)} of ${requests} requests ended in an error, at most ${percent(gate.maxErrorRate)} may`;
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
