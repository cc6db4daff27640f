import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JobResult, type WorkerBeat } from '@verge/contracts';
import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { readConfig } from './config.js';
import { missing, TestDeployment, until } from './test-deployment.js';
import { startWorker } from './worker.js';

/** Redis databases of this file. */
const DATABASE = 9;

const reason = await missing('redis');
if (reason) console.log(reason);

describe.skipIf(reason)('a worker whose control plane goes to another queue and back', () => {
  const undo: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  it('goes with it each time, and works there', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'verge-elsewhere-'));
    undo.push(() => rm(dataDir, { recursive: true, force: true }));
    // As the control plane writes it: whole, or not at all.
    const name = async (deployment: TestDeployment): Promise<void> => {
      await writeFile(join(dataDir, 'next'), JSON.stringify(deployment.written));
      await rename(join(dataDir, 'next'), join(dataDir, 'control-plane.json'));
    };
    const heard = new Map<TestDeployment, WorkerBeat[]>();
    for (const backend of ['postgres', 'redis'] as const) {
      const deployment = await TestDeployment.open(backend, DATABASE);
      undo.push(() => deployment.close());
      heard.set(deployment, await deployment.beats());
    }
    const [first, second] = [...heard.keys()] as [TestDeployment, TestDeployment];
    await name(first);
    const worker = await startWorker(await readConfig({ VERGE_DATA_DIR: dataDir }), pino({ level: 'silent' }));
    undo.push(() => worker.close());
    for (const deployment of [first, second, first]) {
      const beats = heard.get(deployment)!;
      const before = beats.length;
      await name(deployment);
      await until(() => beats.length > before, 'the worker speaks there');
      const id = await deployment.add(await deployment.trainJob({ epochs: 1 }));
      expect(JobResult.parse(await deployment.result(id)).kind).toBe('train');
    }
    // One process all the time.
    expect(new Set([...heard.values()].flat().map((beat) => beat.id)).size).toBe(1);
  }, 120_000);
});
