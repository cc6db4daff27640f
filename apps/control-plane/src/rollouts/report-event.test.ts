import { describe, expect, it } from 'vitest';
import type { UpdateState } from '@verge/contracts';
import { updateLifecycle } from '@verge/contracts';
import { eventOfReport } from './report-event.js';

const rollout = { id: 'r1', manifestDigest: 'sha256:new' };
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
});
