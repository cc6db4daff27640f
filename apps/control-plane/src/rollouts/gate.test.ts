/** The gate judges the model alone: its own errors, against the version before on the same device. */
import { describe, expect, it } from 'vitest';
import { gate, quiet, rolloutOf } from '../../test/rollouts/snapshots.js';
import { gateBreach, waveFigures } from './gate.js';
import type { DeviceObservation } from './snapshot.js';

const breach = (seen: Partial<DeviceObservation>[], limits: Partial<typeof gate> = {}) => {
  const members = rolloutOf([seen.length]).devices.map((device, i) => ({
    device: { ...device, state: 'updated' as const },
    seen: { ...quiet, event: 'activate' as const, ...seen[i] },
  }));
  const asked = { ...gate, maxErrorRate: 0.01, ...limits };
  return gateBreach(waveFigures(members, asked), asked, null);
};

describe('errors', () => {
  it('breach the limit when the version before had none', () => {
    expect(breach([{ requests: 100, errors: 2, baselineRequests: 1000 }])).toBe(
      '2 % of 100 requests ended in an error of the model; at most 1 % may',
    );
  });

  it('do not, where the version before met as many on the same device', () => {
    expect(breach([{ requests: 100, errors: 5, baselineRequests: 200, baselineErrors: 10 }])).toBeNull();
  });

  it('do, as far as they are more than before, and the reason says both', () => {
    expect(breach([{ requests: 100, errors: 8, baselineRequests: 100, baselineErrors: 5 }])).toBe(
      '8 % of 100 requests ended in an error of the model; 5 % did with the version before, at most 1 % more may',
    );
    expect(breach([{ requests: 100, errors: 6, baselineRequests: 100, baselineErrors: 5 }])).toBeNull();
  });

  it('are compared device by device: a shift of traffic to a device with a bad sensor is not the model', () => {
    const badSensor = { baselineRequests: 10, baselineErrors: 5, requests: 1000, errors: 500 };
    const good = { baselineRequests: 1000, baselineErrors: 0, requests: 10, errors: 0 };
    expect(breach([badSensor, good])).toBeNull();
    expect(breach([{ ...badSensor, errors: 600 }, good])).not.toBeNull();
  });

  it('count only from devices that have answered enough', () => {
    expect(breach([{ requests: 9, errors: 9 }])).toBeNull();
  });

  it('cannot be expected beyond all requests, whatever a device claims of before', () => {
    expect(breach([{ requests: 100, errors: 100, baselineRequests: 1, baselineErrors: 50 }])).toBeNull();
  });
});

describe('failed devices', () => {
  const figures = (states: ('updated' | 'failed' | 'pending' | 'stalled' | 'offered' | 'skipped')[], limits = {}) => {
    const members = rolloutOf([states.length]).devices.map((device, i) => ({
      device: { ...device, state: states[i]! },
      seen: quiet,
    }));
    const { devices, failed } = waveFigures(members, { ...gate, ...limits });
    return [failed, devices];
  };

  it('are a fraction of those that have spoken or still may in time', () => {
    expect(figures(['updated', 'failed', 'offered', 'pending', 'stalled', 'skipped'])).toEqual([1, 3]);
    expect(figures(['updated', 'failed', 'stalled'], { countStalled: true })).toEqual([2, 3]);
  });
});
