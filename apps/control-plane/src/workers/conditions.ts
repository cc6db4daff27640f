/** What the states of a worker mean in the database. */
import type { WorkerState } from '@verge/contracts';
import type { Prisma } from '../database/database.service.js';

type Row = Prisma.WorkerGetPayload<object>;

export const workerIn = (state: WorkerState, now: Date): Prisma.WorkerWhereInput => {
  if (state === 'left') return { leftAt: { not: null } };
  return { leftAt: null, onlineUntil: state === 'online' ? { gt: now } : { lte: now } };
};

export function workerState({ leftAt, onlineUntil }: Pick<Row, 'leftAt' | 'onlineUntil'>, now: Date): WorkerState {
  if (leftAt !== null) return 'left';
  return onlineUntil > now ? 'online' : 'lost';
}
