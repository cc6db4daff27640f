/**
 * What an event makes stale, and the least that must be read because of it. Lists and sums are read again at most once in a while, however
 * many events come; rows of devices are put in their places. A page that nobody looks at reads nothing until somebody does.
 */
import type { Device, ProjectEvent } from '@verge/contracts';
import type { Query, QueryClient } from '@tanstack/react-query';
import { inBackground } from '../inBackground.js';
import { patchDevices, shownDevices } from './device-rows.js';

type Type = ProjectEvent['type'];

/** Milliseconds between two reads of a list or of one record because of events. */
const LIST_MS = 5_000;
/** The same of sums over many records: they change with each of them. */
const SUMS_MS = 15_000;
/** Events are gathered for so long; those in which a device tells of itself as usual for longer. */
const GATHER_MS = 1_000;
const ROUTINE_MS = 10_000;

/** The nouns whose views an event makes stale, and how long each may wait after its last read. */
const stale: Record<Type, Readonly<Record<string, number>>> = {
  training: { trainings: LIST_MS, jobs: LIST_MS, overview: LIST_MS },
  compression: { compressions: LIST_MS, jobs: LIST_MS, overview: LIST_MS },
  evaluation: { evaluations: LIST_MS, jobs: LIST_MS, overview: LIST_MS },
  version: { versions: LIST_MS, models: LIST_MS, overview: SUMS_MS },
  artifact: { artifacts: LIST_MS },
  release: { releases: LIST_MS },
  device: { devices: SUMS_MS, groups: SUMS_MS, overview: SUMS_MS, enrollment: LIST_MS },
  group: { groups: LIST_MS, devices: LIST_MS },
  rollout: { rollouts: LIST_MS, overview: LIST_MS },
  telemetry: { telemetry: SUMS_MS, overview: SUMS_MS, quarantine: LIST_MS },
  dataset: { datasets: LIST_MS },
  model: { models: LIST_MS, overview: SUMS_MS },
  recipe: { recipes: LIST_MS },
};

export class Changes {
  /** When each query that is on the screen is due, by its hash. */
  private readonly due = new Map<string, number>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private timerAt = Infinity;
  private readonly devices = new Set<string>();
  private devicesAt = Infinity;

  constructor(
    private readonly cache: QueryClient,
    /** Reads devices by their ids; those that are gone are missing. */
    private readonly readDevices: (ids: readonly string[]) => Promise<readonly Device[]>,
    private readonly isHidden: () => boolean = () => document.hidden,
  ) {}

  take(event: ProjectEvent): void {
    const now = Date.now();
    if (event.type === 'device') this.devicesAt = Math.min(this.devicesAt, this.takeDevice(event, now));
    if (!event.routine)
      for (const query of this.cache.getQueryCache().getAll()) {
        const wait = stale[event.type][String(query.queryKey[0])];
        if (wait !== undefined && concerns(query, event)) this.outdate(query, wait, now);
      }
    this.schedule();
  }

  /** Events were lost. */
  takeAll(): void {
    inBackground(this.cache.invalidateQueries({ refetchType: this.isHidden() ? 'none' : 'active' }));
  }

  /** Reads nothing more, until another event comes. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.timerAt = Infinity;
  }

  /** @returns when the device's row must be read, if it is on the screen */
  private takeDevice({ id, routine }: ProjectEvent, now: number): number {
    if (!shownDevices(this.cache).has(id)) return Infinity;
    this.devices.add(id);
    return now + (routine ? ROUTINE_MS : GATHER_MS);
  }

  private outdate(query: Query, wait: number, now: number): void {
    if (!query.isActive() || this.isHidden()) {
      // Read again when it is looked at.
      query.invalidate();
      return;
    }
    const at = Math.max(now + GATHER_MS, query.state.dataUpdatedAt + wait);
    this.due.set(query.queryHash, Math.min(at, this.due.get(query.queryHash) ?? Infinity));
  }

  private schedule(): void {
    const at = Math.min(this.devicesAt, ...this.due.values());
    if (at >= this.timerAt && this.timer !== undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.timerAt = at;
    if (at < Infinity) this.timer = setTimeout(() => this.read(), Math.max(0, at - Date.now()));
  }

  private read(): void {
    this.timer = undefined;
    this.timerAt = Infinity;
    const now = Date.now();
    const hashes = new Set([...this.due].filter(([, at]) => at <= now).map(([hash]) => hash));
    for (const hash of hashes) this.due.delete(hash);
    if (hashes.size > 0) {
      const refetchType = this.isHidden() ? 'none' : 'active';
      inBackground(this.cache.invalidateQueries({ predicate: ({ queryHash }) => hashes.has(queryHash), refetchType }));
    }
    if (this.devicesAt <= now) {
      const ids = [...this.devices];
      this.devices.clear();
      this.devicesAt = Infinity;
      if (this.isHidden()) inBackground(this.cache.invalidateQueries({ queryKey: ['devices'], refetchType: 'none' }));
      else inBackground(this.readDevices(ids).then((devices) => patchDevices(this.cache, ids, devices)));
    }
    this.schedule();
  }
}

const IS_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

interface Asked {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: { readonly device?: string };
}

/** Whether a query may answer otherwise after the event: one of another record of the same noun does not. */
function concerns(query: Query, { type, id }: ProjectEvent): boolean {
  const [, operation, args] = query.queryKey as readonly [string, string?, Asked?];
  // Its row is read by its id.
  if (type === 'device' && operation === 'devices.get') return false;
  if (type === 'telemetry') {
    const device = args?.query?.device;
    return device === undefined || device === id;
  }
  const named = args?.params?.[type];
  if (named === undefined || named === id) return true;
  // A name, where the record itself knows its id; or the id of another.
  const known = (query.state.data as { id?: string } | undefined)?.id;
  return known === undefined ? !IS_ID.test(named) : known === id;
}
