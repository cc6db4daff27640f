/** Killed at random moments while it updates, serves and delivers: nothing that was on disk is lost, nothing is counted twice. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AgentProcess, until } from '../tests/agent-process.js';
import { buildArtifact } from '../tests/artifacts.js';
import { Gateway } from '../tests/gateway.js';
import { decodeRecord } from './telemetry/record-codec.js';
import { decodeFrames, decodeHeader } from './telemetry/segment.js';

const kills = process.env['VERGE_TEST_FULL'] === undefined ? 4 : 100;
const pixels = [0.5, 0.25, 0, 0.25];
let gateway: Gateway;
let agent: AgentProcess;
beforeAll(async () => {
  gateway = await Gateway.start();
  agent = await AgentProcess.enrolled(gateway);
});
afterAll(async () => {
  await agent.remove();
  gateway.down();
});

/** Requests that are delivered or on disk, each counted once. */
async function durable(): Promise<number> {
  const known = new Map<string, number>();
  const spool = join(agent.dir, 'spool');
  // The journal first: what moves from it into the spool meanwhile is seen twice under one number, not missed.
  const names = (await readdir(spool))
    .filter((name) => /^open-window\.bin$|\.seg$/.test(name))
    .sort()
    .reverse();
  for (const name of names) {
    const bytes = await readFile(join(spool, name)).catch(() => Buffer.alloc(0));
    for (const { seq, payload } of decodeFrames(bytes).frames) {
      known.set(`${decodeHeader(bytes)}/${seq}`, decodeRecord(payload).requests);
    }
  }
  for (const [key, record] of gateway.records) known.set(key, record.requests);
  return [...known.values()].reduce((sum, requests) => sum + requests, 0);
}

it(
  `survives ${kills} kills`,
  async () => {
    let version = 1;
    const first = buildArtifact({ version });
    gateway.publish(first);
    gateway.desire(first);
    await agent.start();
    await agent.serves(version);
    await agent.kill();
    let answered = 0;
    let onDisk = 0;
    for (let kill = 0; kill < kills; kill++) {
      if (kill % 2 === 0) {
        const next = buildArtifact({ version: ++version, ballast: 300_000 });
        gateway.publish(next);
        gateway.desire(next);
      }
      gateway.knobs.loseAcks = kill % 3;
      await agent.start();
      let own = 0;
      const end = Date.now() + 200 + Math.random() * 1500;
      // Every fourth life is long enough to answer, and ends after its last journal write.
      const settled = kill % 4 === 3;
      while (Date.now() < end || (settled && own === 0)) {
        const answer = await agent.infer(pixels).catch(() => null);
        if (answer) own++;
      }
      answered += own;
      if (settled) await until('all that was answered on disk', async () => (await durable()) >= onDisk + own);
      await agent.kill();
      const now = await durable();
      expect(now).toBeGreaterThanOrEqual(onDisk);
      onDisk = now;
    }
    gateway.knobs.loseAcks = 0;
    await agent.start();
    await agent.serves(version, 60_000);
    await until('everything delivered', () => gateway.counted.requests >= onDisk, 60_000);
    expect(onDisk).toBeGreaterThan(0);
    expect(gateway.counted.requests).toBeLessThanOrEqual(answered);
    expect(gateway.counted.errors).toBe(0);
    expect((await agent.status())?.spool.dropped).toBe(0);
    expect((await agent.infer(pixels)).version).toBe(String(version));
  },
  kills * 20_000,
);
