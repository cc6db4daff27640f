import { QueryClient, QueryObserver } from '@tanstack/react-query';
import type { Device, ProjectEvent } from '@verge/contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Changes } from './changes.js';

const params = { project: 'plant' };
const device = (i: number): Device => ({ id: `device-${i}`, name: `press ${i}` }) as Device;
const devices = Array.from({ length: 40 }, (_, i) => device(i));

let cache: QueryClient;
let reads: Record<string, number>;
let hidden: boolean;
let changes: Changes;
let asked: (readonly string[])[];
beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) });
  cache = new QueryClient({ defaultOptions: { queries: { staleTime: 5_000 } } });
  reads = {};
  asked = [];
  hidden = false;
  changes = new Changes(
    cache,
    (ids) => {
      asked.push(ids);
      return Promise.resolve(ids.map((id) => ({ id, name: `${id} read again` }) as Device));
    },
    () => hidden,
  );
});
afterEach(() => {
  changes.stop();
  cache.clear();
  vi.useRealTimers();
});

/** A query that is on the screen. */
async function show(operation: string, answer: unknown, more: object = {}): Promise<readonly unknown[]> {
  const queryKey = [operation.split('.')[0], operation, { params: { ...params, ...more } }];
  const queryFn = (): Promise<unknown> => {
    reads[operation] = (reads[operation] ?? 0) + 1;
    return Promise.resolve(answer);
  };
  new QueryObserver(cache, { queryKey, queryFn }).subscribe(() => undefined);
  await vi.advanceTimersByTimeAsync(0);
  reads[operation] = 0;
  return queryKey;
}
const event = (type: ProjectEvent['type'], id: string, more: object = {}): ProjectEvent => ({
  type,
  id,
  at: new Date().toISOString(),
  ...more,
});
const total = (): number => Object.values(reads).reduce((sum, n) => sum + n, 0) + asked.length;

describe('an overview of forty devices that report', () => {
  beforeEach(async () => {
    await show('overview.get', {});
    await show('telemetry.series', { points: [] });
    await show('devices.list', { items: devices.slice(0, 5), total: 5 });
    await show('jobs.list', { items: [] });
  });

  it('is read again a few times for six hundred events, and not once for what devices say as usual', async () => {
    for (let second = 0; second < 60; second++) {
      for (const { id } of devices.slice(0, 10)) changes.take(event('device', id, { routine: true }));
      await vi.advanceTimersByTimeAsync(1_000);
    }
    await vi.advanceTimersByTimeAsync(20_000);
    expect(reads).toEqual({ 'overview.get': 0, 'telemetry.series': 0, 'devices.list': 0, 'jobs.list': 0 });
    // The five rows that are shown, all in one request each time.
    expect(asked.length).toBeLessThanOrEqual(7);
    for (const ids of asked) expect(ids).toHaveLength(5);
  });

  it('is read again a few times while telemetry comes all the time', async () => {
    for (let i = 0; i < 600; i++) {
      changes.take(event('telemetry', devices[i % 40]!.id));
      await vi.advanceTimersByTimeAsync(100);
    }
    await vi.advanceTimersByTimeAsync(20_000);
    expect(reads['overview.get']).toBeGreaterThan(0);
    expect(reads['overview.get']).toBeLessThanOrEqual(5);
    expect(reads['telemetry.series']).toBeLessThanOrEqual(5);
    expect(total()).toBeLessThanOrEqual(10);
  });

  it('shows the last of a burst, whenever it came', async () => {
    await vi.advanceTimersByTimeAsync(60_000);
    changes.take(event('training', 'one'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(reads['jobs.list']).toBe(1);
    changes.take(event('training', 'one'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(reads['jobs.list']).toBe(1);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(reads['jobs.list']).toBe(2);
  });

  it('asks for nothing while nobody looks, and for what has changed when somebody does', async () => {
    hidden = true;
    changes.take(event('telemetry', 'any'));
    changes.take(event('device', devices[0]!.id));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(total()).toBe(0);
    const invalid = cache.getQueryCache().findAll({ predicate: (query) => query.state.isInvalidated });
    expect(invalid.map(({ queryKey }) => queryKey[1]).sort()).toEqual([
      'devices.list',
      'overview.get',
      'telemetry.series',
    ]);
  });
});

describe('a change', () => {
  it('of devices puts their rows in place, with one request', async () => {
    const list = await show('devices.list', { items: devices, total: 40 });
    const record = await show('devices.get', device(3), { device: 'device-3' });
    for (const { id } of devices) changes.take(event('device', id));
    changes.take(event('device', 'unknown'));
    await vi.advanceTimersByTimeAsync(1_100);
    expect(asked).toEqual([devices.map(({ id }) => id)]);
    const { items } = cache.getQueryData<{ items: Device[] }>(list)!;
    expect(items.every(({ name }) => name.endsWith('read again'))).toBe(true);
    expect(cache.getQueryData<Device>(record)?.name).toBe('device-3 read again');
    expect(reads).toEqual({ 'devices.list': 0, 'devices.get': 0 });
    await vi.advanceTimersByTimeAsync(20_000);
    // Their order may be another one: the list once, in its time.
    expect(reads).toEqual({ 'devices.list': 1, 'devices.get': 0 });
  });

  it('of one record is none of another, by its id or by its name', async () => {
    const [one, other] = ['a', 'b'].map((end) => `0193d0f0-0000-7000-8000-00000000000${end}`) as [string, string];
    await show('trainings.get', { id: one }, { training: one });
    await show('trainings.points', { items: [] }, { training: one });
    await show('models.get', { id: 'm', name: 'digits' }, { model: 'digits' });
    changes.take(event('training', other));
    changes.take(event('model', 'n'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(total()).toBe(0);
    changes.take(event('training', one));
    changes.take(event('model', 'm'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(reads).toEqual({ 'trainings.get': 1, 'trainings.points': 1, 'models.get': 1 });
  });
});
