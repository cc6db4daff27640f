import { describe, expect, it } from 'vitest';
import type { UpdateState } from '@verge/contracts';
import { updateLifecycle } from '@verge/contracts';
import { eventOfReport } from './report-event.js';

const rollout = { id: 'r1', manifestDigest: 'sha256:new', event: null, current: true } as const;
const report = (updateState: UpdateState, activeDigest: string | null, rolloutId: string | null = 'r1') => ({
  updateState,
  activeDigest,
  targetDigest: 'sha256:new',
  rolloutId,
});

describe('eventOfReport', () => {
  it('says what each update state means while the old version serves', () => {
    const meaning = Object.keys(updateLifecycle.table).map((state) => [
      state,
      eventOfReport(report(state as UpdateState, 'sha256:old'), rollout),
    ]);
    expect(Object.fromEntries(meaning)).toEqual({
      idle: null,
      checking: 'begin',
      downloading: 'begin',
      installing: 'begin',
      'self-testing': 'begin',
      activating: 'begin',
      committed: null,
      reverting: null,
      failed: 'fail',
    });
  });

  it('believes an update only when the new version serves', () => {
    expect(eventOfReport(report('committed', 'sha256:new'), rollout)).toBe('activate');
    expect(eventOfReport(report('idle', 'sha256:new', null), rollout)).toBe('activate');
    expect(eventOfReport(report('failed', 'sha256:new'), rollout)).toBe('fail');
  });

  it('ignores what another rollout asked for', () => {
    expect(eventOfReport(report('failed', 'sha256:old', 'r0'), rollout)).toBeNull();
    expect(eventOfReport({ ...report('failed', 'sha256:old'), targetDigest: 'sha256:other' }, rollout)).toBeNull();
  });

  describe('of a device that had been updated', () => {
    const updated = { ...rollout, event: 'activate' } as const;

    it('says that it failed when it comes to rest on another model, or on none, by itself', () => {
      for (const active of ['sha256:old', null]) {
        for (const state of ['idle', 'committed', 'failed'] as const)
          expect(eventOfReport(report(state, active), updated)).toBe('fail');
      }
    });

    it('says nothing while it is on its way', () => {
      expect(eventOfReport(report('reverting', 'sha256:old'), updated)).toBeNull();
    });

    it('says nothing when it was asked for something else meanwhile, or has not heard of it yet', () => {
      expect(eventOfReport(report('idle', 'sha256:old', 'r2'), { ...updated, current: false })).toBeNull();
    });
  });
});
