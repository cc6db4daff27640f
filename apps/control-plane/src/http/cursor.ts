/** Where a page begins: after the row that a cursor names, in the order that it was made for. */
import { Id } from '@verge/contracts';
import { z } from 'zod';
import { ProblemError } from './problem-error.js';

/** Conditions and orders as Prisma takes them, built by path. */
export interface Tree {
  [key: string]: unknown;
}

export interface Column {
  /** From the row, for example `version.model.name`. */
  readonly path: string;
  readonly kind: 'text' | 'time' | 'integer' | 'bigint' | 'id';
  /** Rows without a value come last, in either direction. */
  readonly nullable?: boolean;
}

type Value = string | number | bigint | Date | null;

const digits = (most: number) => z.string().regex(new RegExp(`^-?\\d{1,${most}}$`));
const schemas = {
  // A cursor is bytes that anyone can send: what Postgres cannot hold is refused here.
  text: z.string().refine((text) => !text.includes('\0')),
  time: z.iso.datetime().transform((text) => new Date(text)),
  integer: digits(9).transform(Number),
  bigint: digits(18).transform(BigInt),
  id: Id,
} satisfies Record<Column['kind'], z.ZodType<Value>>;

const Cursor = z.strictObject({ sort: z.string(), at: z.array(z.string().nullable()) });

/** `{ a: { b: leaf } }` of the path `a.b`. */
export function nested(path: string, leaf: unknown): Tree {
  const names = path.split('.');
  return names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), leaf) as Tree;
}

const isDown = (sort: string): boolean => sort.startsWith('-');

export function orderOf(sort: string, columns: readonly Column[]): Tree[] {
  const direction = isDown(sort) ? 'desc' : 'asc';
  return columns.map(({ path, nullable }) => nested(path, nullable ? { sort: direction, nulls: 'last' } : direction));
}

/** The rows after the cursor's; null on the first page. @throws ProblemError when it is not a cursor of this order */
export function afterCursor(
  query: { readonly cursor?: string | undefined; readonly sort: string },
  columns: readonly Column[],
): Tree | null {
  if (query.cursor === undefined) return null;
  const values = valuesOf(query.cursor, query.sort, columns);
  const down = isDown(query.sort);
  // Further by a column, with all the columns before it equal.
  const branches = columns.flatMap((column, index): Tree[] => {
    const further = after(column, values[index] ?? null, down);
    const same = columns.slice(0, index).map((each, i) => nested(each.path, values[i]));
    return further ? [{ AND: [...same, further] }] : [];
  });
  const [first] = columns;
  // Says nothing new, but it is what an index of the first column can be entered by.
  const bound = first && !first.nullable ? [nested(first.path, { [down ? 'lte' : 'gte']: values[0] })] : [];
  return { AND: [...bound, { OR: branches }] };
}

function after({ path, nullable }: Column, value: Value, down: boolean): Tree | null {
  if (value === null) return null;
  const further = nested(path, { [down ? 'lt' : 'gt']: value });
  return nullable ? { OR: [further, nested(path, null)] } : further;
}

export function cursorAfter(row: object, sort: string, columns: readonly Column[]): string {
  const at = columns.map((column) => textOf(valueAt(row, column)));
  return Buffer.from(JSON.stringify({ sort, at } satisfies z.infer<typeof Cursor>), 'utf8').toString('base64url');
}

function valueAt(row: object, { path }: Column): unknown {
  return path.split('.').reduce<unknown>((inner, name) => (inner as Tree)[name], row);
}

function textOf(value: unknown): string | null {
  if (value === null) return null;
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  throw new Error('a list is sorted by a column that its rows do not hold');
}

function valuesOf(cursor: string, sort: string, columns: readonly Column[]): Value[] {
  const parsed = Cursor.safeParse(jsonOf(Buffer.from(cursor, 'base64url').toString('utf8')));
  if (!parsed.success) throw refused('expected the nextCursor of an earlier answer');
  if (parsed.data.sort !== sort) {
    throw refused(`expected a cursor of the order ${sort}; this one is of the order ${parsed.data.sort}`);
  }
  const { at } = parsed.data;
  const values = columns.map((column, index): Value | undefined => {
    const text = at[index];
    if (text === null) return column.nullable ? null : undefined;
    return schemas[column.kind].safeParse(text).data;
  });
  const sound = values.filter((value) => value !== undefined);
  if (at.length !== columns.length || sound.length !== columns.length) {
    throw refused('expected the nextCursor of an earlier answer');
  }
  return sound;
}

const refused = (detail: string): ProblemError => ProblemError.invalid([{ field: '?cursor', detail }]);

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
