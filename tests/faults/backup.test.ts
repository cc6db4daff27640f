/**
 * A control plane is backed up while it works, lost with its whole data folder, and restored elsewhere: people log in with
 * their passwords, devices come back with their certificates, and a training that ran is finished.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Training } from '@verge/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until, type Started } from '../../apps/quickstart/src/processes.js';
import { digits, ended, root, System } from '../loop/harness.js';

const run = promisify(execFile);
/** What is refused is tried in the full tests; that all comes back, always. */
const full = process.env['VERGE_TEST_FULL'] !== undefined;
const program = join(root, 'apps/control-plane/bin/verge-control-plane.mjs');

interface Ended {
  readonly code: number;
  readonly said: string;
}

describe('a backup', () => {
  let system: System;
  let worker: Started;
  let backups: string;
  let data: string;
  beforeAll(async () => {
    system = await System.start({ workers: 0 });
    worker = await system.startWorker('worker-1');
    backups = join(system.home, 'backups');
    data = join(system.home, 'data');
    await system.commands.verge(['datasets', 'add', 'digits', '--path', digits]);
  }, 180_000);
  afterAll(() => system?.stop());

  const command = async (args: string[], dataDir = data): Promise<Ended> => {
    const env = { ...process.env, VERGE_DATA_DIR: dataDir, DATABASE_URL: '', REDIS_URL: '', S3_ENDPOINT: '' };
    return await run(process.execPath, [program, ...args], { env }).then(
      ({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }),
      (error: { code: number; stdout: string; stderr: string }) => ({
        code: error.code,
        said: error.stdout + error.stderr,
      }),
    );
  };
  const backUp = async (): Promise<string> => {
    const { code, said } = await command(['backup', backups]);
    expect(code, said).toBe(0);
    return (await readdir(backups))
      .filter((name) => name !== 'blobs')
      .sort()
      .at(-1)!;
  };
  const train = async (model: string, epochs: number): Promise<string> => {
    const file = join(system.home, `${model}.json`);
    const config = { model: { architecture: 'mlp', params: {} }, split: 'digits-v1', epochs, checkpointEvery: 5 };
    await writeFile(file, JSON.stringify({ ...config, optimizer: { name: 'adamw', learningRate: 0.01 } }));
    const flags = ['--model', model, '--dataset', 'digits', '--config', file];
    return (await system.commands.verge<Training>(['trainings', 'create', ...flags])).id;
  };
  const look = (training: string): Promise<Training> =>
    system.client.call('trainings.get', { params: { project: system.project, training } });
  const reached = (training: string, good: (now: Training) => boolean): Promise<Training> =>
    until(`training ${training}`, 120, async () => {
      const now = await look(training);
      if (now.state === 'failed') throw new Error(`the training failed: ${now.error}`);
      return good(now) ? now : undefined;
    });

  it('of a control plane that works holds all that it had, and is restored where nothing is', async () => {
    const done = await reached(await train('first', 2), ({ state }) => state === 'succeeded');
    const running = await train('second', 150);
    await reached(running, ({ progress }) => (progress?.checkpoint ?? null) !== null);
    const before = await backUp();
    // A second one copies no blob again.
    const again = await command(['backup', backups]);
    expect(again.said).toMatch(/blobs: \d+, of which \d+ were copied/);

    await ended(worker, 'SIGKILL');
    await system.stopControlPlane();
    await rm(data, { recursive: true, force: true });
    const { code, said } = await command(['restore', backups, '--at', before]);
    expect(code, said).toBe(0);
    await system.startControlPlane();
    await system.startWorker('worker-2');

    // The session of before, the version, its bytes; and the training that ran is taken up again, and ends once.
    expect((await look(done.id)).state).toBe('succeeded');
    const params = { project: system.project };
    const [version] = (await system.client.call('versions.list', { params, query: { model: 'first' } })).items;
    const url = `${system.url}/api/v1/projects/${system.project}/blobs/${version!.digest}`;
    const blob = await fetch(url, { headers: { authorization: `Bearer ${system.token}` } });
    expect((await blob.arrayBuffer()).byteLength).toBe(version!.bytes);
    const finished = await reached(running, ({ state }) => state === 'succeeded');
    expect(finished).toMatchObject({ version: 1, error: null });
    // Numbers that the database gives out go on.
    await reached(await train('third', 1), ({ state }) => state === 'succeeded');
  }, 300_000);

  it.runIf(full)(
    'is not restored over what is there, nor when it is damaged; each says why',
    async () => {
      const name = await backUp();
      const over = await command(['restore', backups]);
      expect(over.code).toBe(1);
      expect(over.said).toContain('a control plane runs on');
      const elsewhere = join(system.home, 'elsewhere');
      await mkdir(elsewhere);

      const wrong = join(system.home, 'wrong');
      await cp(join(backups, name), join(wrong, name), { recursive: true });
      const table = join(wrong, name, 'tables', 'users.copy.gz');
      const bytes = await readFile(table);
      bytes[bytes.length - 1]! ^= 1;
      await writeFile(table, bytes);
      const damaged = await command(['restore', wrong], elsewhere);
      expect(damaged).toMatchObject({ code: 1, said: expect.stringContaining('users.copy.gz is damaged') });
      await rm(join(wrong, name, 'backup.json'));
      expect(await command(['restore', wrong], elsewhere)).toMatchObject({
        code: 1,
        said: expect.stringContaining('backup.json: cannot be read'),
      });
      expect(await command(['restore', join(system.home, 'nothing')], elsewhere)).toMatchObject({
        code: 1,
        said: expect.stringContaining('there are: none'),
      });
      expect(await readdir(elsewhere)).toEqual([]);

      // Into another folder it goes; a second time it does not.
      expect(await command(['restore', backups], elsewhere)).toMatchObject({ code: 0 });
      const twice = await command(['restore', backups], elsewhere);
      expect(twice.code).toBe(1);
      expect(twice.said).toMatch(/restore into an empty database; this one has rows in .*users \(1\)/);
    },
    120_000,
  );

  it('says what a command was expected to be', async () => {
    for (const [args, expected] of [
      [['store', 'x'], "expected backup or restore, got 'store'"],
      [['backup'], 'backup: expected a folder'],
      [['backup', 'a', 'b'], "expected one folder, got also 'b'"],
      [['restore', 'a', '--from', 'b'], "Unknown option '--from'"],
    ] as const) {
      const { code, said } = await command([...args]);
      expect(code).toBe(1);
      expect(said).toContain(expected);
    }
  });
});
