/** Cursor pagination over UUIDv7 identifiers: the order of identifiers is the order of creation, newest first. */
import { Id } from '@verge/contracts';
import { ProblemError } from './problem-error.js';

interface PageRequest {
  limit: number;
  cursor?: string | undefined;
}

export interface PageWindow {
  take: number;
  orderBy: { id: 'desc' };
}

/** The identifier below which the page begins; undefined for the first page. */
export function afterCursor(query: PageRequest): { lt: string } | undefined {
  if (query.cursor === undefined) return undefined;
  const id = Buffer.from(query.cursor, 'base64url').toString('utf8');
  if (!Id.safeParse(id).success) {
    throw ProblemError.invalid([{ field: '?cursor', detail: 'expected the nextCursor of an earlier answer' }]);
  }
  return { lt: id };
}

/** `findMany({ where: { ..., ...pageWhere(query) }, ...pageWindow(query) })`; one row more than asked tells of a next page. */
export const pageWindow = (query: PageRequest): PageWindow => ({ take: query.limit + 1, orderBy: { id: 'desc' } });

export function pageWhere(query: PageRequest): { id?: { lt: string } } {
  const id = afterCursor(query);
  return id ? { id } : {};
}

export function toPage<Row extends { id: string }, Item>(
  rows: readonly Row[],
  query: PageRequest,
  present: (row: Row) => Item,
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, query.limit);
  const last = rows.length > query.limit ? shown.at(-1) : undefined;
  return {
    items: shown.map(present),
    nextCursor: last ? Buffer.from(last.id, 'utf8').toString('base64url') : null,
  };
}
