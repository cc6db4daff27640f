/** What the words that people use of a device mean in the database. Lists and the overview count by the same ones. */
import type { Prisma } from '../database/database.service.js';

// `not` with `gt` would leave out the rows that never were online: NOT around the OR of both keeps them.
export const onlineDevice = (now: Date): Prisma.DeviceWhereInput => ({ onlineUntil: { not: null, gt: now } });

export const failingDevice = {
  OR: [{ updateState: 'failed' }, { errorCode: { not: null } }],
} satisfies Prisma.DeviceWhereInput;

/** The same two for queries in SQL, on the table's own columns. @param now the parameter that holds the time */
export const onlineSql = (now: `$${number}`): string => `online_until > ${now}`;
export const failingSql = `(update_state = 'failed' OR error_code IS NOT NULL)`;
