/** Which tone each state of each lifecycle has: a row for every state, or it does not compile. */
import type { JobState, RolloutDeviceState, RolloutState, WaveState, WorkerState } from '@verge/contracts';
import type { Tone } from './StatePill.js';

export const jobTones: Record<JobState, Tone> = {
  queued: 'idle',
  running: 'busy',
  cancelling: 'warn',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'idle',
};

export const workerTones: Record<WorkerState, Tone> = { online: 'good', lost: 'bad', left: 'idle' };

export const rolloutTones: Record<RolloutState, Tone> = {
  running: 'busy',
  paused: 'warn',
  reverting: 'warn',
  succeeded: 'good',
  reverted: 'bad',
  cancelled: 'idle',
};

export const rolloutDeviceTones: Record<RolloutDeviceState, Tone> = {
  waiting: 'idle',
  offered: 'busy',
  pending: 'idle',
  updating: 'busy',
  stalled: 'warn',
  updated: 'good',
  failed: 'bad',
  reverting: 'warn',
  reverted: 'warn',
  skipped: 'idle',
};

export const waveTones: Record<WaveState, Tone> = {
  waiting: 'idle',
  active: 'busy',
  passed: 'good',
  failed: 'bad',
  unreached: 'idle',
};

export const isOpenJob = (state: JobState): boolean =>
  state === 'queued' || state === 'running' || state === 'cancelling';
export const isOpenRollout = (state: RolloutState): boolean =>
  state === 'running' || state === 'paused' || state === 'reverting';
