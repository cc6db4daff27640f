import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { JobResult } from '@verge/contracts';
import pino from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from './config.js';
import { missing, TestDeployment, until } from './test-deployment.js';
import { type RunningWorker, startWorker } from './worker.js';

/** Redis database of this file. */
const DATABASE = 10;

const reason = await missing('redis');
if (reason) console.log(reason);
describe.skipIf(reason)('a worker whose control plane goes to another queue and other blobs', () => {
  const undo: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const step of undo.reverse()) await step();
  });

  it('puts its job back, works there, and comes back for it', { timeout: 120_000 }, async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'verge-elsewhere-'));
    undo.push(() => rm(dataDir, { recursive: true, force: true }));
    const open = async (backend: 'postgres' | 'redis'): Promise<TestDeployment> => {
      const deployment = await TestDeployment.open(backend, DATABASE);
      undo.push(() => deployment.close());
      return deployment;
    };
    const [first, second] = [await open('postgres'), await open('redis')];
    const file = join(dataDir, 'control-plane.json');
    const name = async (written: object): Promise<void> => {
      await writeFile(`${file}.new`, JSON.stringify(written));
      await rename(`${file}.new`, file);
    };
    await name(first.written);
    let log = '';
    const sink = new Writable({
      write: (chunk, _encoding, done) => {
        log += String(chunk);
        done();
      },
    });
    const env = { VERGE_DATA_DIR: dataDir, VERGE_WORKER_LOCK_MS: '3000' };
    const worker: RunningWorker = await startWorker(await readConfig(env), pino(sink));
    undo.push(() => worker.close());

    const long = await first.add(await first.trainJob({ epochs: 30, checkpointEvery: 1 }));
    await until(async () => Boolean((await first.progress(long))?.checkpoint), 'the first checkpoint');
    const short = await second.add(await second.trainJob({ epochs: 1 }));
    await name(second.written);
    expect(JobResult.parse(await second.result(short))).toMatchObject({ kind: 'train', bestEpoch: 1 });
    expect(log).toContain('job goes back to the queue');
    expect(await (await first.job(long)).getState()).toBe('waiting');

    // Nobody answers there: said, and tried again until the file names a queue that does.
    await name({ ...second.written, redisUrl: 'redis://127.0.0.1:1' });
    await until(() => log.includes('it is tried again'), 'the worker says so', 60_000);
    await first.cancel(long);
    await name(first.written);
    expect(await first.result(long)).toEqual({ kind: 'cancelled' });
    log = '';
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(log).not.toContain('ECONNREFUSED');
  });
});
