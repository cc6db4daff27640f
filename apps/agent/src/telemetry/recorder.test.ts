import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeSketch, quantile } from '@verge/contracts/sketch';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../tests/agent-process.js';
import { readIfPresent } from '../atomic-file.js';
import { Health } from '../health.js';
import { Recorder } from './recorder.js';
import { decodeRecord } from './record-codec.js';
import { Spool } from './spool.js';
import type { Outcome } from './window.js';

const log = pino({ enabled: false });
let dir: string;
beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'verge-recorder-'))));
afterEach(() => rm(dir, { recursive: true, force: true }));

const openBoth = async () => {
  const spool = await Spool.open({ dir, maxBytes: 1e6 });
  const journal = join(dir, 'open-window.bin');
  return {
    spool,
    journal,
    recorder: await Recorder.open({ spool, journal, journalMs: 50, health: new Health(log), log }),
  };
};
const seen = (artifact: string, latencyMs: number, outcome: Outcome = 'answered') => ({
  artifactDigest: artifact,
  latencyMs,
  outcome,
  classes: [1],
  features: { 'input.mean': [latencyMs] },
});
const records = async (spool: Spool) => (await spool.read(1000, 1e9)).map((f) => decodeRecord(f.payload));

describe('recorder', () => {
  it('closes a window into one record for each artifact', async () => {
    const { spool, recorder } = await openBoth();
    for (let i = 1; i <= 100; i++) recorder.observe(seen('a', i));
    recorder.observe(seen('b', 5, 'model-error'));
    await recorder.flush();
    await recorder.flush();
    const [a, b] = await records(spool);
    expect(a).toMatchObject({ artifactDigest: 'a', requests: 100, errors: 0, classes: [{ index: 1, count: 100 }] });
    expect(b).toMatchObject({ artifactDigest: 'b', requests: 1, errors: 1 });
    expect(spool.waiting).toBe(2);
    // The sketch's relative accuracy is 1 %.
    expect(Math.abs(quantile(decodeSketch(a!.latencySketch), 0.5)! - 50)).toBeLessThan(1);
    const feature = a!.features[0]!;
    expect([feature.mean, feature.min, feature.max]).toEqual([50.5, 1, 100]);
    // Sum of (i - 50.5)^2 for i = 1..100 is 83325.
    expect(feature.m2).toBeCloseTo(83_325, 6);
    await recorder.close();
  });

  it('brings the journal of an interrupted window into the spool, once', async () => {
    const first = await openBoth();
    first.recorder.observe(seen('a', 1));
    first.recorder.observe(seen('a', 2));
    await until('the journal', () => readIfPresent(first.journal));
    const second = await openBoth();
    expect((await records(second.spool)).map((r) => r.requests)).toEqual([2]);
    const third = await openBoth();
    expect((await records(third.spool)).length).toBe(1);
    for (const { recorder } of [first, second, third]) clearInterval(recorder['timer']);
  });

  it('does not count a window again that was appended before the journal went', async () => {
    const first = await openBoth();
    first.recorder.observe(seen('a', 1));
    const journal = await until('the journal', () => readIfPresent(first.journal));
    await first.recorder.close();
    await first.spool.close();
    await writeFile(first.journal, journal);
    const second = await openBoth();
    expect((await records(second.spool)).map((r) => r.requests)).toEqual([1]);
    await second.recorder.close();
  });
});
