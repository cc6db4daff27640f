import type { Alarm } from '@verge/contracts';
import type { Waiting } from '../workers/workers.service.js';

/** Jobs that wait for nobody; the subject is their number. */
export function noWorkerAlarm({ jobs, since }: Waiting, now: Date): Alarm {
  const minutes = Math.floor((now.getTime() - since.getTime()) / 60_000);
  const what = jobs === 1 ? '1 job waits' : `${jobs} jobs wait`;
  const first = jobs === 1 ? 'for' : 'the first for';
  const message = `${what}, ${first} ${minutes} minutes, and no worker listens; start one with: npx verge-worker`;
  return { code: 'NO_WORKER', subject: String(jobs), expiresAt: null, message };
}
