/** JSON columns: what was parsed on its way in is written as it is, and parsed again on its way out. */
import type { z } from 'zod';
import { Prisma } from './database/database.service.js';

/** A value that came out of a zod schema, as the database's JSON. */
export const toJson = (value: object): Prisma.InputJsonValue => value as Prisma.InputJsonValue;

/** The same for a column that may hold no value: SQL's NULL, not JSON's. */
export const toNullableJson = (value: object | null): Prisma.InputJsonValue | typeof Prisma.DbNull =>
  value === null ? Prisma.DbNull : toJson(value);

/**
 * Whether PostgreSQL stores the value as jsonb: it refuses U+0000 and lone surrogates, which JSON.stringify writes as
 * escapes.
 */
export const isStorable = (value: unknown): boolean =>
  !/(^|[^\\])(\\\\)*\\u(0000|d[89a-f][0-9a-f]{2})/.test(JSON.stringify(value) ?? '');

/** A JSON column that may be NULL, by its schema. */
export const fromNullable = <T extends z.ZodType>(schema: T, value: unknown): z.output<T> | null =>
  value === null || value === undefined ? null : schema.parse(value);

/** Postgres keeps jsonb's keys in an order of its own. */
export function sameJson(a: unknown, b: unknown): boolean {
  const sorted = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1)))
      : value;
  return JSON.stringify(a, sorted) === JSON.stringify(b, sorted);
}
