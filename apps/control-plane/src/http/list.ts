/**
 * Lists. A service declares what its list is searched, filtered and sorted by; this file makes of it and of what a caller
 * asks the query's conditions, its order, the cursor of the next page and the number of rows that match.
 *
 * Pages are found by key, not by offset: a page begins after the last row of the one before, so that rows which come or
 * go meanwhile neither repeat nor hide others. Every value reaches the database as a parameter.
 */
import type { Routes, RouteName } from '@verge/contracts';
import type { z } from 'zod';
import { afterCursor, cursorAfter, orderOf, type Column, type Tree } from './cursor.js';
import { searchWhere } from './search.js';

type QueryOf<N extends RouteName> = Routes[N] extends { query: infer Q extends z.ZodType } ? z.output<Q> : never;
/** Operations that answer pages. */
export type ListName = {
  [N in RouteName]: QueryOf<N> extends { limit: number; sort: string } ? N : never;
}[RouteName];
type Fields<S> = S extends `-${string}` ? never : S;
type SortField<N extends ListName> = QueryOf<N> extends { sort: infer S extends string } ? Fields<S> : never;
type FilterName<N extends ListName> = Exclude<keyof QueryOf<N>, 'limit' | 'cursor' | 'sort' | 'q'>;

export interface ListDefinition<N extends ListName, W> {
  /** The text columns that `q` looks into, besides the identifier. */
  readonly search?: readonly string[];
  /** The columns behind each name that the contract sorts by. The list's key is added to all of them. */
  readonly sorts: { readonly [S in SortField<N>]: readonly Column[] };
  /** The condition behind each filter of the contract; it is only asked for what the caller gave. */
  readonly filters: {
    readonly [F in FilterName<N>]-?: (value: NonNullable<QueryOf<N>[F]>, projectId: string) => W | Promise<W>;
  };
  /** What is unique in the list; its rows' `id` when absent. */
  readonly key?: Column;
}

export interface ListSource<W, Row, Item> {
  /** '' in lists that belong to no project. */
  readonly projectId: string;
  /** What a row must be, whatever the caller asks. */
  readonly where: W;
  readonly rows: (args: { where: W; orderBy: Tree[]; take: number }) => Promise<Row[]>;
  readonly count: (args: { where: W }) => Promise<number>;
  readonly present: (rows: Row[]) => Item[] | Promise<Item[]>;
}

export interface PageOf<Item> {
  items: Item[];
  nextCursor: string | null;
  total: number;
}

interface AnyQuery {
  readonly limit: number;
  readonly sort: string;
  readonly cursor?: string | undefined;
  readonly q?: string | undefined;
}

const byId: Column = { path: 'id', kind: 'id' };

export class List<N extends ListName, W extends object> {
  constructor(private readonly definition: ListDefinition<N, W>) {}

  async read<Row extends object, Item>(
    query: QueryOf<N>,
    { projectId, where, rows, count, present }: ListSource<W, Row, Item>,
  ): Promise<PageOf<Item>> {
    const asked = query as AnyQuery;
    const columns = this.columns(asked.sort);
    const after = afterCursor(asked, columns);
    const matching = all<W>([where, ...(await this.conditions(query, projectId))]);
    const [found, total] = await Promise.all([
      // One row more than asked for tells of a next page.
      rows({
        where: after ? all<W>([matching, after]) : matching,
        orderBy: orderOf(asked.sort, columns),
        take: asked.limit + 1,
      }),
      count({ where: matching }),
    ]);
    const shown = found.slice(0, asked.limit);
    const last = found.length > asked.limit ? shown.at(-1) : undefined;
    return { items: await present(shown), nextCursor: last ? cursorAfter(last, asked.sort, columns) : null, total };
  }

  private columns(sort: string): Column[] {
    const { sorts, key = byId } = this.definition;
    const chosen = sorts[sort.replace(/^-/, '') as SortField<N>];
    return [...chosen.filter((column) => column.path !== key.path), key];
  }

  private async conditions(query: QueryOf<N>, projectId: string): Promise<object[]> {
    const { search, filters, key = byId } = this.definition;
    const { q } = query as AnyQuery;
    const found: object[] = q === undefined ? [] : [searchWhere(q, search ?? [], key.path)];
    for (const name of Object.keys(filters) as FilterName<N>[]) {
      const value = query[name];
      if (value !== undefined) found.push(await filters[name](value as NonNullable<typeof value>, projectId));
    }
    return found;
  }
}

/** A row for which all of it holds. Every condition is of the same table; only Prisma's types tell tables apart. */
const all = <W extends object>(conditions: readonly object[]): W => ({ AND: conditions }) as unknown as W;
