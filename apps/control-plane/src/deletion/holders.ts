/** Asks the database what holds a thing now. */
import type { Holders } from '@verge/contracts';
import type { Db } from '../database/database.service.js';
import { ProblemError } from '../http/problem-error.js';
import { holds, type Hold, type Thing } from './holds.js';

/** Of each kind; all of them are counted. */
export const MOST_NAMED = 100;

interface Row {
  id: string;
  name: string;
  total: bigint;
}

/** Everything that holds the thing; empty when it can be deleted. */
export function holdersOf(db: Db, thing: Thing, id: string): Promise<Holders[]> {
  return readHolders(db, holds[thing], id);
}

export async function readHolders(db: Db, of: readonly Hold[], id: string): Promise<Holders[]> {
  const found: Holders[] = [];
  for (const hold of of) {
    const holders = await read(db, hold, id);
    if (holders.total > 0) found.push(holders);
  }
  return found;
}

async function read(db: Db, { kind, why, sql }: Hold, id: string): Promise<Holders> {
  const rows = await db.$queryRawUnsafe<Row[]>(
    `SELECT id::text AS id, name, count(*) OVER () AS total FROM (${sql.replaceAll('$1', '$1::uuid')}) AS held
     ORDER BY id LIMIT ${MOST_NAMED}`,
    id,
  );
  const total = Number(rows[0]?.total ?? 0);
  return { kind, why, total, items: rows.map(({ id, name }) => ({ id, name })), more: total - rows.length };
}

/** The refusal that names them all, as far as words go; `holders` of the problem has the rest. */
export function inUse(noun: string, name: string, holders: readonly Holders[]): ProblemError {
  const words = holders.map(({ kind, why, total, items }) => {
    const shown = items.slice(0, 3).map((item) => JSON.stringify(item.name));
    const left = total - shown.length;
    return `${total} ${nounsOf(kind, total)} ${why}: ${shown.join(', ')}${left > 0 ? ` and ${left} more` : ''}`;
  });
  return new ProblemError('IN_USE', `the ${noun} ${name} cannot be deleted: ${words.join('; ')}`, [], { holders });
}

function nounsOf(kind: Holders['kind'], count: number): string {
  const noun = { dataset: 'data set', 'enrollment-token': 'enrolment token' }[kind as string] ?? kind;
  return count === 1 ? noun : `${noun}s`;
}
