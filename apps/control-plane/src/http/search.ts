import { literally } from '../database/like.js';
import { nested, type Tree } from './cursor.js';

/** Part of a name in any case, or the beginning of an identifier. */
export function searchWhere(text: string, columns: readonly string[], key: string): Tree {
  const inNames = columns.map((path) => nested(path, { contains: literally(text), mode: 'insensitive' }));
  const range = idRange(text);
  return { OR: range ? [...inNames, nested(key, range)] : inNames };
}

const NO_ID = '00000000-0000-0000-0000-000000000000';

/** All identifiers that begin so; null when none can. */
export function idRange(text: string): { gte: string; lte: string } | null {
  const begun = text.toLowerCase();
  const filled = begun + NO_ID.slice(begun.length);
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(filled)) return null;
  return { gte: filled, lte: begun + NO_ID.slice(begun.length).replaceAll('0', 'f') };
}
