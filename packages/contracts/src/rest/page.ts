/**
 * Lists: opaque cursors, an order that the caller names, filters, and how many rows match. Who wants to know how many
 * there are, or whether there is one, asks for `total`; a page is never all.
 */
import { z } from 'zod';

export type SortOf<F extends string> = F | `-${F}`;

/** For what has one order only, by its nature: the lines of a file. */
export const pagePart = {
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().max(1024).optional().describe('nextCursor of the page before, in the same order'),
};

/** What every other list takes. `fields` are what it can be sorted by; `usual` is its order when none is asked for. */
export function listQuery<const F extends string>(fields: readonly F[], usual: NoInfer<SortOf<F>>) {
  const sorts = fields.flatMap((field): SortOf<F>[] => [field, `-${field}`]);
  const order = z.enum(sorts, `expected one of ${sorts.join(', ')}`);
  return {
    ...pagePart,
    // `usual` is one of `sorts` by its type; the schema's own type cannot say so of a type parameter.
    sort: order.default(usual as never).describe('- for descending'),
  };
}

/** Newest first, and nothing else to sort by. */
export const newestFirst = listQuery(['createdAt'], '-createdAt');

/** Searches names (anywhere in them, whatever the case) and identifiers (from their beginning). */
export const search = {
  q: z.string().trim().min(1).max(120).optional().describe('part of a name, or how an id begins'),
};

/** A filter that takes several of the values, separated by commas. */
export function anyOf<const T extends string>(values: z.ZodEnum<{ [K in T]: K }>) {
  const one = `(${values.options.join('|')})`;
  return z
    .string()
    .max(512)
    .regex(
      new RegExp(`^${one}(,${one})*$`),
      `expected one or more of ${values.options.join(', ')}, separated by commas`,
    )
    .transform((text) => text.split(',') as T[]);
}

export const Flag = z.enum(['true', 'false']).meta({ id: 'Flag' });

const MAX_IDS = 100;
const uuid = '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';

/** A filter that takes the rows of these ids, separated by commas: what a reader who knows of changes reads again. */
export const someIds = z
  .string()
  .regex(new RegExp(`^${uuid}(,${uuid}){0,${MAX_IDS - 1}}$`), `expected 1 to ${MAX_IDS} UUIDs, separated by commas`)
  .transform((text) => text.split(','));

/** An item's page is one type, whichever operations answer it. */
const pages = new WeakMap<z.ZodType, z.ZodType>();

/** `total` counts the rows that match the filters, on all pages. */
export function page<T extends z.ZodType>(item: T) {
  const make = () =>
    z
      .object({
        items: z.array(item),
        nextCursor: z.string().nullable().describe('of the next page; null on the last'),
        total: z.int().describe('rows that match the filters, on all pages'),
      })
      .meta({ id: `${z.globalRegistry.get(item)?.id ?? 'Unnamed'}Page` });
  const known = (pages.get(item) as ReturnType<typeof make> | undefined) ?? make();
  pages.set(item, known);
  return known;
}
