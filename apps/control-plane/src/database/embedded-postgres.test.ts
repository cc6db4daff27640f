import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from 'pg';
import { parseConfig, startControlPlane } from '../index.js';
import { freePort } from '../ports.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.js';

let dataDir: string;
const running: EmbeddedPostgres[] = [];
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'verge-embedded-'));
});
afterAll(async () => {
  for (const postgres of running) await postgres.stop().catch(() => undefined);
  await rm(dataDir, { recursive: true, force: true });
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function until<T>(ask: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

const start = async (): Promise<EmbeddedPostgres> => {
  const postgres = await startEmbeddedPostgres(dataDir);
  running.push(postgres);
  return postgres;
};

describe('embedded Postgres', () => {
  it('keeps what is committed when it is killed, and starts again', { timeout: 120_000 }, async () => {
    const first = await start();
    await query(first.url, 'CREATE SCHEMA apart; CREATE TABLE apart.kept AS SELECT 42 AS answer');
    await expect(startEmbeddedPostgres(dataDir)).rejects.toMatchObject({ code: 'DATABASE_IN_USE' });
    process.kill(first.pid, 'SIGKILL');
    await first.stop();
    const second = await start();
    expect(await query(second.url, 'SELECT answer FROM apart.kept')).toEqual([{ answer: 42 }]);
    expect(second.url).toBe(first.url);
    await second.stop();
    expect((await stat(join(dataDir, 'postgres', 'password'))).mode & 0o777).toBe(0o600);
  });

  it('comes back by itself when it ends by itself, and not after it was stopped', { timeout: 120_000 }, async () => {
    const said: string[] = [];
    const postgres = await startEmbeddedPostgres(dataDir, {
      warn: (_: unknown, text?: string) => void said.push(text!),
    });
    running.push(postgres);
    const { pid } = postgres;
    process.kill(pid, 'SIGKILL');
    const answer = await until(() => query(postgres.url, 'SELECT answer FROM apart.kept'));
    expect(answer).toEqual([{ answer: 42 }]);
    expect(postgres.pid).not.toBe(pid);
    expect(said).toEqual(expect.arrayContaining(['embedded Postgres is up again']));
    await postgres.stop();
    await expect(query(postgres.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });

  it('takes another port where its own is taken, says so, and keeps that one', { timeout: 120_000 }, async () => {
    const port = Number(await readFile(join(dataDir, 'postgres', 'port'), 'utf8'));
    const other = createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const said: unknown[] = [];
    const moved = await startEmbeddedPostgres(dataDir, { warn: (...words: unknown[]) => void said.push(words) });
    running.push(moved);
    const now = Number(new URL(moved.url).port);
    expect(said).toEqual([[{ kept: port, port: now }, expect.stringContaining('taken by another process')]]);
    expect(now).not.toBe(port);
    await moved.stop();
    await new Promise((resolve) => other.close(resolve));
    const again = await start();
    expect(again.url).toBe(moved.url);
    await again.stop();
  });

  it(
    'stops the Postgres that a killed control plane left running, and starts afresh',
    { timeout: 120_000 },
    async () => {
      const before = await start();
      await before.stop();
      const cluster = join(dataDir, 'postgres', 'cluster');
      const { uid, gid } = await stat(cluster);
      const { postgres } = (await import(`@embedded-postgres/${process.platform}-${process.arch}`)) as {
        postgres: string;
      };
      const port = await freePort();
      const flags = [
        '-D',
        cluster,
        '-p',
        String(port),
        '-c',
        'listen_addresses=127.0.0.1',
        '-c',
        'unix_socket_directories=',
      ];
      const orphan = spawn(postgres, flags, { uid, gid, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
      const ended = new Promise((resolve) => orphan.once('exit', resolve));
      await new Promise<void>((resolve) => {
        orphan.stderr.on('data', (text: Buffer) => text.includes('ready to accept') && resolve());
      });
      // As kill -9 leaves it: the owner's number is there, the process is not.
      const owner = spawn(process.execPath, ['-e', '']);
      await new Promise((resolve) => owner.once('exit', resolve));
      await writeFile(join(dataDir, 'postgres', 'owner.pid'), String(owner.pid));
      const after = await start();
      await ended;
      expect(await query(after.url, 'SELECT answer FROM apart.kept')).toEqual([{ answer: 42 }]);
      await after.stop();
    },
  );
});

describe('a control plane without a DATABASE_URL', () => {
  it('boots on its own Postgres, says where it is, and cleans up', { timeout: 120_000 }, async () => {
    const config = parseConfig({
      VERGE_DATA_DIR: dataDir,
      VERGE_HTTP_PORT: '0',
      VERGE_GRPC_PORT: '0',
      VERGE_ENROLL_PORT: '0',
      VERGE_ADMIN_PASSWORD: 'long enough to be one',
      VERGE_LOG_LEVEL: 'fatal',
    });
    const plane = await startControlPlane(config);
    const ready = await fetch(`${plane.httpUrl}/readyz`);
    expect(await ready.json()).toMatchObject({ status: 'ok', database: 'ok', queue: 'ok', queueBackend: 'postgres' });
    const file = join(dataDir, 'control-plane.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await plane.close();
    await expect(stat(file)).rejects.toThrow(/ENOENT/);
    await expect(query(plane.databaseUrl, 'SELECT 1')).rejects.toThrow();
  });
});
