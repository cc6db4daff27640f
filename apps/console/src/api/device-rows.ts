/** Devices in the query cache: as records and as rows of lists. */
import type { Device } from '@verge/contracts';
import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import { inBackground } from '../inBackground.js';

interface Page {
  readonly items: readonly Device[];
}
type Cached = Page | InfiniteData<Page> | undefined;

const lists = { queryKey: ['devices', 'devices.list'] } as const;
const records = { queryKey: ['devices', 'devices.get'] } as const;

const pagesOf = (cached: Cached): readonly Page[] =>
  cached === undefined ? [] : 'pages' in cached ? cached.pages : [cached];

/** The ids of the devices that are on the screen. */
export function shownDevices(cache: QueryClient): ReadonlySet<string> {
  const shown = { type: 'active' } as const;
  const rows = cache.getQueriesData<Cached>({ ...lists, ...shown }).flatMap(([, cached]) => pagesOf(cached));
  const read = cache.getQueriesData<Device>({ ...records, ...shown }).flatMap(([, device]) => device ?? []);
  return new Set([...rows.flatMap(({ items }) => items), ...read].map(({ id }) => id));
}

/** Puts what was read anew in place of what is shown of the same devices; one that was asked for and is gone is looked for again. */
export function patchDevices(cache: QueryClient, asked: readonly string[], devices: readonly Device[]): void {
  const byId = new Map(devices.map((device) => [device.id, device]));
  const patched = (page: Page): Page =>
    page.items.some(({ id }) => byId.has(id))
      ? { ...page, items: page.items.map((device) => byId.get(device.id) ?? device) }
      : page;
  // The time of the whole answer stays what it was: a list's order and its other rows are as old as before.
  for (const [key, cached] of cache.getQueriesData<Cached>(lists)) {
    if (cached === undefined || !pagesOf(cached).some((page) => patched(page) !== page)) continue;
    const updatedAt = cache.getQueryState(key)?.dataUpdatedAt;
    const next = 'pages' in cached ? { ...cached, pages: cached.pages.map(patched) } : patched(cached);
    cache.setQueryData(key, next, updatedAt === undefined ? {} : { updatedAt });
  }
  for (const [key, device] of cache.getQueriesData<Device>(records)) {
    const next = device && byId.get(device.id);
    if (next) cache.setQueryData(key, next);
  }
  const gone = new Set(asked.filter((id) => !byId.has(id)));
  if (gone.size === 0) return;
  const shown = ({ state }: { state: { data: unknown } }): boolean =>
    gone.has((state.data as Device | undefined)?.id ?? '');
  inBackground(cache.invalidateQueries({ ...records, predicate: shown }));
  inBackground(cache.invalidateQueries(lists));
}
