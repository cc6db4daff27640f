import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from 'pg';
import { pino } from 'pino';
import { createTestDatabase, type TestDatabase } from '../../test/database.js';
import { until } from '../../test/plane.js';
import { DatabaseService } from '../database/database.service.js';
import { EventBus } from './event-bus.js';

let own: TestDatabase;
const open: { database: DatabaseService; bus: EventBus }[] = [];
beforeAll(async () => {
  own = await createTestDatabase();
  for (let i = 0; i < 2; i++) {
    const database = new DatabaseService(own.url);
    const bus = new EventBus(database, pino({ level: 'silent' }));
    await bus.start();
    open.push({ database, bus });
  }
});
afterAll(async () => {
  for (const { database, bus } of open) {
    await bus.close();
    await database.close();
  }
  await own.drop();
});

describe('events between control planes', () => {
  it('arrive once at each, and no more after the subscription ends', async () => {
    const heard: string[] = [];
    const stops = open.map(({ bus }, i) => bus.subscribe('topic', (payload) => heard.push(`${i} ${String(payload)}`)));
    open[0]!.bus.publish('topic', 'one');
    await until(
      'both heard of it',
      async () => heard.length,
      (n) => n === 2,
    );
    stops[1]!();
    open[1]!.bus.publish('topic', 'two');
    await until('the first heard of it', async () => heard.includes('0 two'), Boolean);
    expect(heard.sort()).toEqual(['0 one', '0 two', '1 one']);
  });

  it('become one when they tell of one resource within a moment', async () => {
    const heard: string[] = [];
    const stop = open[1]!.bus.onProjectChange('p', (event) =>
      heard.push(`${event.type} ${event.id}${event.routine ? ' as usual' : ''}`),
    );
    // What is told all the time does not hide what is not.
    for (let i = 0; i < 20; i++) open[0]!.bus.changed('p', 'device', 'd', i !== 7);
    open[0]!.bus.changed('p', 'model', 'm');
    open[0]!.bus.changed('p', 'device', 'e', true);
    open[0]!.bus.changed('other', 'model', 'n');
    await until(
      'it is heard',
      async () => heard.length,
      (n) => n >= 3,
    );
    expect(heard.sort()).toEqual(['device d', 'device e as usual', 'model m']);
    stop();
  });

  it('are heard again after the connection was cut', async () => {
    const heard: unknown[] = [];
    const stop = open[1]!.bus.subscribe('after', (payload) => heard.push(payload));
    await open[0]!.database.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    );
    await until(
      'the bus listens again',
      async () => {
        open[0]!.bus.publish('after', 'again');
        return heard.length;
      },
      (n) => n > 0,
    );
    stop();
  });

  it(
    'take one connection each, however often the database is cut, and tell of the gap',
    { timeout: 60_000 },
    async () => {
      const gaps: number[] = [];
      const stops = open.map(({ bus }, i) => bus.onGap(() => gaps.push(i)));
      const name = new URL(own.url).pathname.slice(1);
      const elsewhere = new URL(own.url);
      elsewhere.pathname = '/postgres';
      const watcher = new Client({ connectionString: elsewhere.href });
      await watcher.connect();
      const listeners = async (): Promise<number> => {
        const counted = await watcher.query<{ n: number }>(
          "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = $1 AND application_name = 'verge-events'",
          [name],
        );
        return counted.rows[0]!.n;
      };
      const cut =
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()';
      let most = 0;
      for (let round = 0; round < 3; round++) {
        await watcher.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
        await watcher.query(cut, [name]);
        // Long enough for the attempts of several owners to add up, were there several.
        for (let i = 0; i < 20; i++) {
          await new Promise((resolve) => setTimeout(resolve, 60));
          most = Math.max(most, await listeners());
        }
        await watcher.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`);
        const again = async (): Promise<number> => {
          most = Math.max(most, await listeners());
          return new Set(gaps.slice(-2)).size;
        };
        await until('both listen again', again, (n) => n === 2 && gaps.length >= 2 * (round + 1));
      }
      expect(most).toBeLessThanOrEqual(open.length);
      expect(gaps.length).toBe(3 * open.length);
      await watcher.end();
      for (const stop of stops) stop();
    },
  );
});
