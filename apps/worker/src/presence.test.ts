import { hostname } from 'node:os';
import type { WorkerBeat } from '@verge/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing, TestDeployment, until } from './test-deployment.js';
import { version } from './version.js';

/** Redis databases of this file. */
const DATABASE = 10;

for (const backend of ['postgres', 'redis'] as const) {
  const reason = await missing(backend);
  if (reason) console.log(reason);
  describe.skipIf(reason)(`a worker on ${backend}`, () => {
    let deployment: TestDeployment;
    let heard: WorkerBeat[];
    beforeAll(async () => {
      deployment = await TestDeployment.open(backend, DATABASE);
      heard = await deployment.beats();
    });
    afterAll(async () => deployment.close());
    const last = (): WorkerBeat | undefined => heard.at(-1);

    it('says that it is there, what it has in hand, and that it leaves', async () => {
      const worker = await deployment.worker('speaks');
      await until(() => heard.length > 0, 'the first beat');
      expect(last()).toMatchObject({ name: 'speaks', version, host: hostname(), running: [], leaving: false });
      expect(last()?.engineVersion).toMatch(/^1\.\d+/);

      const job = await deployment.add(await deployment.trainJob({ epochs: 1000 }));
      await until(() => last()?.running.length === 1, 'the beat at the beginning of a job');
      expect(last()?.running).toMatchObject([{ job, kind: 'train' }]);
      await deployment.cancel(job);
      await until(() => last()?.running.length === 0, 'the beat at its end');

      // It leaves with a job in hand, which it puts back.
      await deployment.add(await deployment.trainJob({ epochs: 1000 }));
      await until(() => last()?.running.length === 1, 'the beat at the beginning of another');
      await worker.close();
      await until(() => heard.some((beat) => beat.leaving), 'the last beat');
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(last()?.leaving).toBe(true);
      expect(new Set(heard.map((beat) => beat.id)).size).toBe(1);
    });
  });
}
