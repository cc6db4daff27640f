/** The agent as a process against a real gRPC gateway: every update state x {succeeds, errors, killed}. */
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKey } from '@verge/trust/publish';
import { status as grpcStatus } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AgentProcess, until } from '../tests/agent-process.js';
import { buildArtifact, scoresOf, type BuildOptions, type BuiltArtifact } from '../tests/artifacts.js';
import { Gateway } from '../tests/gateway.js';

/** Every point at which an update can be killed; otherwise those that tell most. */
const full = process.env['VERGE_TEST_FULL'] !== undefined;
const pixels = [0.5, 0.25, 0, 0.25];
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function world(): Promise<{ gateway: Gateway; agent: AgentProcess }> {
  const gateway = await Gateway.start();
  cleanups.push(() => gateway.down());
  const agent = await AgentProcess.enrolled(gateway);
  cleanups.push(() => agent.remove());
  return { gateway, agent };
}

/** A world in which version 1 serves. */
async function serving(environment: Record<string, string> = {}) {
  const { gateway, agent } = await world();
  const v1 = buildArtifact({ version: 1 });
  gateway.publish(v1);
  gateway.desire(v1);
  await agent.start(environment);
  await agent.serves(1);
  await until('the commit', () =>
    gateway.reports.some((r) => r.updateState === 'committed' && r.activeDigest === v1.digest),
  );
  return { gateway, agent, v1 };
}

const plainOffer = (gateway: Gateway, artifact: BuiltArtifact): void => {
  gateway.publish(artifact);
  gateway.desire(artifact);
};

const reported = (gateway: Gateway, code: string) =>
  until(`a report of ${code}`, () => gateway.reports.find((r) => r.updateState === 'failed' && r.errorCode === code));

describe('agent', () => {
  it('installs, serves and reports', async () => {
    const { agent, gateway, v1 } = await serving();
    const answer = await agent.infer(pixels);
    expect(answer.version).toBe('1');
    answer.scores.forEach((score, i) => expect(score).toBeCloseTo(scoresOf(pixels, 100)[i]!, 4));
    expect(gateway.last).toMatchObject({ activeDigest: v1.digest, targetDigest: v1.digest, generation: 1 });
    await until('the telemetry', () => gateway.counted.requests === 1);
    const record = [...gateway.records.values()][0]!;
    expect(record).toMatchObject({ artifactDigest: v1.digest, requests: 1, errors: 0 });
    expect(record.features.map((f) => f.name).sort()).toEqual(['input.mean', 'input.std', 'output.confidence']);
    const status = await agent.command(['status', '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({ running: true, connected: true, serving: { version: 1 } });
    const second = await agent.command(['run', '--port', '0']);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('ALREADY_RUNNING');
    await agent.kill('SIGTERM');
    expect(await agent.exited).toEqual({ code: 0, signal: null });
  });

  it('serves nothing when that is asked, keeps to it over a restart, and takes the next model', async () => {
    const { agent, gateway, v1 } = await serving();
    const generation = gateway.desire(null, { serveNothing: true });
    await until('the report', () => gateway.last?.generation === generation && gateway.last.activeDigest === '');
    await expect(agent.infer(pixels)).rejects.toThrow();
    await agent.kill();
    await agent.start();
    await until('a report of the next process', () => gateway.last?.activeDigest === '');
    expect(JSON.parse((await agent.command(['status', '--json'])).stdout)).toMatchObject({ serving: null });
    gateway.desire(v1);
    await agent.serves(1);
  });

  it('loses no request while the model is exchanged, and goes back without a download', async () => {
    const { agent, gateway, v1 } = await serving();
    const v2 = buildArtifact({ version: 2 });
    gateway.publish(v2);
    let going = true;
    const versions: string[] = [];
    const load = Array.from({ length: 4 }, async () => {
      while (going) versions.push((await agent.infer(pixels)).version);
    });
    gateway.desire(v2);
    await agent.serves(2);
    const before = gateway.downloads.length;
    gateway.desire(v1);
    await agent.serves(1);
    going = false;
    await Promise.all(load);
    expect(new Set(versions)).toEqual(new Set(['1', '2']));
    expect(gateway.downloads.length).toBe(before);
    await until('the count', () => gateway.counted.requests === versions.length);
    expect(gateway.counted.errors).toBe(0);
  });

  it('resumes a download where it broke, also after a kill', async () => {
    const { gateway, agent } = await serving();
    const v2 = buildArtifact({ version: 2, ballast: 2_000_000 });
    gateway.publish(v2);
    gateway.knobs.breakAfter = [512 * 1024];
    gateway.desire(v2);
    await agent.serves(2);
    const ballast = v2.manifest.files.find((f) => f.path === 'ballast.bin')!;
    const offsets = () => gateway.downloads.filter((d) => d.digest === ballast.digest).map((d) => d.offset);
    expect(offsets()).toEqual([0, 512 * 1024]);
    const v3 = buildArtifact({ version: 3, ballast: 2_100_000 });
    gateway.publish(v3);
    gateway.knobs.chunkDelayMs = 200;
    gateway.desire(v3);
    await until(
      'progress',
      () => (gateway.last?.progressBytes ?? 0) > 800_000 && gateway.last?.targetDigest === v3.digest,
    );
    await agent.kill();
    gateway.knobs.chunkDelayMs = 0;
    await agent.start();
    expect((await agent.serves(3)).serving?.version).toBe(3);
    const big = v3.manifest.files.find((f) => f.path === 'ballast.bin')!;
    expect(gateway.downloads.filter((d) => d.digest === big.digest && d.offset > 0).length).toBe(1);
  });

  /** What is wrong, the code it is refused with, the artifact, and how the gateway offers it. */
  const refusals: readonly [string, string, BuildOptions, ((gateway: Gateway, artifact: BuiltArtifact) => void)?][] = [
    [
      'tampered model',
      'DIGEST_MISMATCH',
      { version: 2 },
      (g, a) => {
        g.knobs.tamper.set(a.modelDigest, (b) => Buffer.concat([b.subarray(0, -1), Buffer.from([b.at(-1)! ^ 1])]));
        g.publish(a);
        g.desire(a);
      },
    ],
    [
      'longer model than signed',
      'DIGEST_MISMATCH',
      { version: 3 },
      (g, a) => {
        g.knobs.tamper.set(a.modelDigest, (b) => Buffer.concat([b, Buffer.alloc(1)]));
        g.publish(a);
        g.desire(a);
      },
    ],
    [
      'director signed by a foreign key',
      'METADATA_REFUSED',
      { version: 4 },
      (g, a) => {
        g.publish(a);
        g.desire(a, { key: createKey() });
      },
    ],
    [
      'director of another device',
      'METADATA_REFUSED',
      { version: 5 },
      (g, a) => {
        g.publish(a);
        g.desire(a, { deviceId: 'another-device' });
      },
    ],
    [
      'expired director',
      'METADATA_REFUSED',
      { version: 6 },
      (g, a) => {
        g.publish(a);
        g.desire(a, { expires: new Date(Date.now() - 1000) });
      },
    ],
    [
      'artifact that nobody released',
      'TARGET_NOT_SIGNED',
      { version: 7 },
      (g, a) => {
        g.store(a);
        g.desire(a);
      },
    ],
    [
      'blob that is not there',
      'DOWNLOAD_FAILED',
      { version: 8 },
      (g, a) => {
        g.knobs.downloadStatus = grpcStatus.NOT_FOUND;
        g.publish(a);
        g.desire(a);
      },
    ],
    ['artifact of another class', 'DEVICE_CLASS_MISMATCH', { version: 9, deviceClass: 'edge-large' }],
    ['manifest with bad fields', 'MANIFEST_INVALID', { version: 10, manifest: { inputs: [] } }],
    ['bytes that are no model', 'MODEL_REFUSED', { version: 11, model: Buffer.from('no model at all') }],
    ['model that computes something else', 'SELF_TEST_FAILED', { version: 12, selfTestError: 0.5 }],
  ];
  it('refuses what is wrong with its code, serves the old model, and takes the next good one', async () => {
    const { agent, gateway, v1 } = await serving();
    for (const [name, code, options, offer = plainOffer] of refusals) {
      gateway.reports.length = 0;
      offer(gateway, buildArtifact(options));
      const report = await reported(gateway, code);
      expect(report.activeDigest, name).toBe(v1.digest);
      expect((await agent.infer(pixels)).version, name).toBe('1');
      gateway.knobs.tamper.clear();
      gateway.knobs.downloadStatus = null;
    }
    const downloads = gateway.downloads.length;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(gateway.downloads.length, 'a refused target is not tried again by itself').toBe(downloads);
    const good = buildArtifact({ version: 13 });
    plainOffer(gateway, good);
    await agent.serves(13);
  });

  it('refuses for lack of space', async () => {
    const { gateway, agent } = await world();
    const v1 = buildArtifact({ version: 1 });
    gateway.publish(v1);
    gateway.desire(v1);
    await agent.start({ VERGE_AGENT_RESERVE_BYTES: String(2 ** 50) });
    const report = await reported(gateway, 'DISK_FULL');
    expect(report.activeDigest).toBe('');
    const answer = await agent.post('/v2/models/scans/infer', { inputs: [] });
    expect(answer.status).toBe(503);
  });

  it('takes the old model back when the new one crashes in its probation', async () => {
    const { agent, gateway, v1 } = await serving();
    const v2 = buildArtifact({ version: 2 });
    gateway.publish(v2);
    gateway.desire(v2);
    for (let crashes = 0, last: number | null = null; crashes < 3; crashes++) {
      const pid = await until('a process of version 2', async () => {
        const status = await agent.status();
        return status?.serving?.version === 2 && status.inferencePid !== last ? status.inferencePid : null;
      });
      process.kill((last = pid), 'SIGKILL');
    }
    await agent.serves(1);
    const report = await reported(gateway, 'ACTIVATION_FAILED');
    await until('the old model in the report', () => gateway.last?.activeDigest === v1.digest);
    expect(report.targetDigest).toBe(v2.digest);
    expect((await agent.infer(pixels)).version).toBe('1');
    await agent.kill();
    await agent.start();
    await agent.serves(1);
    expect((await agent.state())?.update).toMatchObject({ state: 'failed', error: { code: 'ACTIVATION_FAILED' } });
  });

  it('goes back when the new model is damaged between its self-test and its activation', async () => {
    const { agent, gateway, v1 } = await serving();
    await agent.kill();
    const v2 = buildArtifact({ version: 2 });
    agent.spawn({ VERGE_AGENT_KILL_AT: 'entered:activating' });
    plainOffer(gateway, v2);
    expect((await agent.exited).signal).toBe('SIGKILL');
    await appendFile(join(agent.dir, 'slots', 'b', 'model.onnx'), 'x');
    await agent.start();
    expect((await reported(gateway, 'DIGEST_MISMATCH')).activeDigest).toBe(v1.digest);
    expect((await agent.infer(pixels)).version).toBe('1');
  });

  it('falls back to the other slot when the one that served is damaged, then heals it', async () => {
    const { agent, gateway } = await serving();
    const v2 = buildArtifact({ version: 2 });
    plainOffer(gateway, v2);
    await agent.serves(2);
    await until('the commit', async () => (await agent.state())?.update.state === 'committed');
    const patient = { VERGE_AGENT_PROBATION_SECONDS: '0' };
    await agent.kill();
    await agent.start(patient);
    await until('idle', async () => (await agent.state())?.update.state === 'idle');
    await agent.kill();
    await appendFile(join(agent.dir, 'slots', 'b', 'model.onnx'), 'x');
    gateway.down();
    await agent.start(patient);
    await agent.serves(1);
    await gateway.up();
    await agent.serves(2);
  });

  it.each(full ? ['entered:reverting', 'acted:reverting'] : ['acted:reverting'])(
    'killed at %s, ends on the old model',
    async (point) => {
      const { agent, gateway } = await serving();
      await agent.kill();
      const v2 = buildArtifact({ version: 2 });
      gateway.publish(v2);
      gateway.desire(v2);
      await agent.start({ VERGE_AGENT_KILL_AT: point, VERGE_AGENT_PROBATION_CRASHES: '1' });
      const { inferencePid } = await agent.serves(2);
      await until('the commit', async () => (await agent.state())?.update.state === 'committed');
      process.kill(inferencePid!, 'SIGKILL');
      expect((await agent.exited).signal).toBe('SIGKILL');
      await agent.start();
      await agent.serves(1);
      await until('failed', async () => (await agent.state())?.update.state === 'failed');
    },
  );

  it('serves offline, and delivers what it counted once', async () => {
    const { agent, gateway } = await serving();
    await agent.infer(pixels);
    await until('the first count', () => gateway.counted.requests === 1);
    gateway.down();
    for (let i = 0; i < 20; i++) await agent.infer(pixels);
    await until('a record in the spool', async () => ((await agent.status())?.spool.records ?? 0) > 0);
    await agent.infer(pixels);
    // The open window is journalled every 100 ms here.
    await new Promise((resolve) => setTimeout(resolve, 400));
    await agent.kill();
    await agent.start();
    await agent.serves(1);
    await agent.infer(pixels);
    gateway.knobs.loseAcks = 1;
    await gateway.up();
    await until('the whole count', () => gateway.counted.requests === 23, 60_000);
    await until('an empty spool', async () => (await agent.status())?.spool.records === 0, 60_000);
    expect(gateway.counted).toEqual({ requests: 23, errors: 0 });
    expect(gateway.duplicates).toBeGreaterThan(0);
  });

  it('renews its certificate and stays connected', async () => {
    const gateway = await Gateway.start();
    cleanups.push(() => gateway.down());
    // Certificates begin five minutes ago, so two thirds of this one's life are over.
    gateway.knobs.certificateDays = 100 / 86_400;
    const agent = await AgentProcess.enrolled(gateway);
    cleanups.push(() => agent.remove());
    gateway.knobs.certificateDays = 30;
    await agent.start();
    await until('a renewal', () => gateway.renewals > 0);
    plainOffer(gateway, buildArtifact({ version: 1 }));
    await agent.serves(1);
    expect(gateway.renewals).toBe(1);
  });
});

describe('agent killed while it updates', () => {
  let gateway: Gateway;
  let agent: AgentProcess;
  let version = 1;
  beforeAll(async () => {
    gateway = await Gateway.start();
    agent = await AgentProcess.enrolled(gateway);
    plainOffer(gateway, buildArtifact({ version }));
    await agent.start();
    await agent.serves(version);
  });
  afterAll(async () => {
    await agent.remove();
    gateway.down();
  });

  const states = ['checking', 'downloading', 'installing', 'self-testing', 'activating', 'committed'];
  const points = states
    .flatMap((state) => [`entered:${state}`, `acted:${state}`])
    .filter((p) => p !== 'acted:committed');
  const telling = ['acted:downloading', 'acted:activating'];
  it.each(full ? points : telling)('at %s goes on and serves the new model', async (point) => {
    await until('the commit', async () => (await agent.state())?.update.state === 'committed');
    await agent.kill();
    agent.spawn({ VERGE_AGENT_KILL_AT: point });
    const next = buildArtifact({ version: ++version });
    plainOffer(gateway, next);
    expect(await agent.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await agent.start();
    await agent.serves(version);
    expect((await agent.infer(pixels)).version).toBe(String(version));
    await until('the report', () =>
      gateway.reports.some((r) => r.updateState === 'committed' && r.activeDigest === next.digest),
    );
  });
});
