/** Packed forms over the real gateway: made once, sent to who takes them, collected with their artifacts. */
import { status } from '@grpc/grpc-js';
import type { Client } from '@verge/contracts';
import { unpack } from '@verge/onnx/pack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeArtifacts, Publisher, type TestArtifact } from '../../test/fleet/artifacts.js';
import { TestControlPlane, until } from '../../test/fleet/control-plane.js';
import { sha256, SimulatedDevice } from '../../test/fleet/device.js';
import { Collector } from '../blobs/collection/collector.js';

const codings = ['verge-pack/1'];
const params = { project: 'plant' };
/** What is left behind, and put off. */
const full = process.env['VERGE_TEST_FULL'] !== undefined;
let plane: TestControlPlane;
let api: Client;
let publisher: Publisher;
let device: SimulatedDevice;
let versions = 0;

/** Sparse bytes, a few of them others in each version. */
function contentOf(version: number, length = 30_000): Uint8Array {
  let state = 7;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  const bytes = Uint8Array.from({ length }, () => (next() % 9 === 0 ? next() >>> 28 : 0));
  for (let i = 0; i < 60; i++) bytes[(i * 7919 * version) % length] = version;
  return bytes;
}

async function released(content: Uint8Array): Promise<TestArtifact> {
  const [artifact] = await makeArtifacts(plane, { ...params, content });
  await publisher.release(`v${++versions}`, [artifact!]);
  return artifact!;
}
async function rowOf(targetDigest: string, baseDigest = '') {
  const row = await plane.database.packing.findFirst({ where: { targetDigest, baseDigest } });
  return row && { ...row, bytes: row.bytes === null ? null : Number(row.bytes), targetBytes: Number(row.targetBytes) };
}
const packed = (targetDigest: string, baseDigest = '') =>
  until(
    'it is packed',
    () => rowOf(targetDigest, baseDigest),
    (row) => row !== null && row.state !== 'wanted',
  );

/** An artifact of which there is a packed form, with its content. */
async function packedArtifact(version: number, bases: string[] = []) {
  const content = contentOf(version);
  const artifact = await released(content);
  const first = await device.download(artifact.modelDigest, 0, Infinity, { codings, bases });
  expect([first.encoding, sha256(first.bytes)]).toEqual([null, artifact.modelDigest]);
  await packed(artifact.modelDigest);
  if (bases[0] !== undefined) await packed(artifact.modelDigest, bases[0]);
  return { content, digest: artifact.modelDigest, artifact };
}

beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  publisher = new Publisher(api, 'plant');
  const { bundle } = await api.call('enrollment.create', { params, body: { deviceClass: 'x64' } });
  device = await SimulatedDevice.enroll(bundle, 'press');
});
afterAll(async () => {
  device.stop();
  await plane.close();
});

describe('a file that devices take packed', () => {
  it('is packed once, and sent so to those who take it; others get it as it is', async () => {
    const { digest } = await packedArtifact(1);
    const { bytes, total, encoding } = await device.download(digest, 0, Infinity, { codings });
    expect(encoding).toEqual({ coding: codings[0], digest: sha256(bytes), bytes: bytes.length, offset: 0, base: '' });
    expect(total).toBe(30_000);
    expect(bytes.length).toBeLessThan(10_000);
    expect(sha256(await unpack(bytes))).toBe(digest);
    for (const more of [{}, { codings: ['zstd'] }]) {
      const plain = await device.download(digest, 0, Infinity, more);
      expect([plain.encoding, sha256(plain.bytes)]).toEqual([null, digest]);
    }
    expect((await rowOf(digest))?.attempts).toBe(1);
  });

  it('comes as the difference from what the device has', async () => {
    const one = await packedArtifact(2);
    const two = await packedArtifact(3, [one.digest]);
    const unknown = `sha256:${'0'.repeat(64)}`;
    const whole = await device.download(two.digest, 0, Infinity, { codings, bases: [unknown] });
    const { bytes, encoding } = await device.download(two.digest, 0, Infinity, {
      codings,
      bases: [unknown, one.digest],
    });
    expect([whole.encoding?.base, encoding?.base]).toEqual(['', one.digest]);
    expect(bytes.length).toBeLessThan(whole.bytes.length / 5);
    expect(sha256(await unpack(bytes, { base: one.content }))).toBe(two.digest);
  });

  it('goes on where it stopped with the same bytes, and begins anew with others', async () => {
    const { digest } = await packedArtifact(4);
    const { bytes, encoding } = await device.download(digest, 0, Infinity, { codings });
    const at = { codings, encodedDigest: encoding!.digest, encodedOffset: 1000 };
    const rest = await device.download(digest, 0, Infinity, at);
    expect(rest.encoding).toEqual({ ...encoding, offset: 1000 });
    expect(rest.bytes.equals(bytes.subarray(1000))).toBe(true);
    const end = await device.download(digest, 0, Infinity, { ...at, encodedOffset: bytes.length });
    expect([end.bytes.length, end.encoding?.offset]).toEqual([0, bytes.length]);
    for (const other of [
      { ...at, encodedDigest: digest },
      { ...at, encodedOffset: bytes.length + 1 },
    ]) {
      const anew = await device.download(digest, 0, Infinity, other);
      expect([anew.encoding?.offset, anew.bytes.length]).toEqual([0, bytes.length]);
    }
    // What is left of the file as it is costs less than the whole packed form, and more than what is left of that.
    const offset = 30_000 - bytes.length + 500;
    expect((await device.download(digest, offset, Infinity, { codings })).encoding).toBeNull();
    expect((await device.download(digest, offset, Infinity, at)).encoding?.offset).toBe(1000);
  });

  it('goes as it is where packing saves nothing, and where it is small', async () => {
    const noise = await released(Buffer.from(Array.from({ length: 200 }, (_, i) => sha256(Buffer.from([i])).slice(7)).join(''), 'hex')); // prettier-ignore
    await device.download(noise.modelDigest, 0, Infinity, { codings });
    expect(await packed(noise.modelDigest)).toMatchObject({ state: 'declined', digest: null });
    expect((await device.download(noise.modelDigest, 0, Infinity, { codings })).encoding).toBeNull();
    const small = await released(new Uint8Array(4000));
    await device.download(small.modelDigest, 0, Infinity, { codings });
    // Nor is the manifest, which is no file of an artifact.
    await device.download(noise.manifestDigest, 0, Infinity, { codings });
    for (const digest of [small.modelDigest, noise.manifestDigest]) expect(await rowOf(digest)).toBeNull();
  });

  it('is packed with bases of the own project alone, and with few', async () => {
    const other = await plane.project('foreign');
    const [theirs] = await makeArtifacts(plane, { project: 'foreign', content: contentOf(40) });
    await new Publisher(other, 'foreign').release('theirs', [theirs!]);
    const { digest } = await packedArtifact(5);
    const [unreleased] = await makeArtifacts(plane, { ...params, content: contentOf(41) });
    for (const base of [theirs!.modelDigest, unreleased!.modelDigest, digest]) {
      await device.download(digest, 0, Infinity, { codings, bases: [base] });
      expect(await rowOf(digest, base)).toBeNull();
    }
    const { projectId } = (await plane.database.packing.findFirst({ where: { targetDigest: digest } }))!;
    const made = Array.from({ length: 7 }, (_, i) => `sha256:${String(i).repeat(64)}`);
    const rows = made.map((baseDigest) => ({
      projectId,
      targetDigest: digest,
      baseDigest,
      targetBytes: 1,
      state: 'failed',
    }));
    await plane.database.packing.createMany({ data: rows });
    for (const version of [50, 51]) {
      const base = await released(contentOf(version, 5000));
      await device.download(digest, 0, Infinity, { codings, bases: [base.modelDigest] });
      expect(await rowOf(digest, base.modelDigest)).toEqual(version === 50 ? expect.anything() : null);
    }
    expect(await plane.database.packing.count({ where: { targetDigest: digest, NOT: { baseDigest: '' } } })).toBe(8);
  });

  it('is counted in the rollout that the device follows: what was sent, and what it was', async () => {
    const { digest } = await packedArtifact(20);
    await api.call('groups.create', { params, body: { name: 'line' } });
    const body = { deviceClass: 'x64', group: 'line' };
    const { bundle } = await api.call('enrollment.create', { params, body });
    const own = await SimulatedDevice.enroll(bundle, 'follower');
    try {
      const wanted = { name: 'all', release: `v${versions}`, group: 'line', waves: [{ percent: 100 }] };
      const { id } = await api.call('rollouts.create', { params, body: wanted });
      const seen = () => plane.database.device.findUniqueOrThrow({ where: { id: own.id } });
      await until(
        'it follows',
        async () => (await seen()).desiredRolloutId,
        (followed) => followed === id,
      );
      await own.download(digest);
      const { bytes } = await own.download(digest, 0, Infinity, { codings });
      const at = { codings, encodedDigest: sha256(bytes), encodedOffset: 1000 };
      const rest = await own.download(digest, 0, Infinity, at);
      const [wave] = await until(
        'it is counted',
        async () => (await api.call('rollouts.get', { params: { ...params, rollout: id } })).waves,
        ([first]) => first!.sentBytes === 30_000 + bytes.length + rest.bytes.length,
      );
      const first = Math.floor((1000 / bytes.length) * 30_000);
      expect(wave!.sentFileBytes).toBe(30_000 + 30_000 + (30_000 - first));
      const devices = await api.call('rollouts.devices', { params: { ...params, rollout: id } });
      expect(devices.items[0]).toMatchObject({ sentBytes: wave!.sentBytes, sentFileBytes: wave!.sentFileBytes });
    } finally {
      own.stop();
    }
  });

  it('is asked for in words that are checked', async () => {
    const bad = { codings: ['x'.repeat(65)], bases: ['no'], encodedDigest: 'sha256:1', encodedOffset: 2 ** 60 };
    const refusal = await device.download(`sha256:${'0'.repeat(64)}`, 0, 1, bad).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: status.INVALID_ARGUMENT });
    for (const field of ['codings', 'bases', 'encoded_digest', 'encoded_offset']) {
      expect((refusal as Error).message).toContain(`${field}: expected`);
    }
  });
});

describe('packing', () => {
  it('is made again when its bytes are lost, and meanwhile the file goes as it is', async () => {
    const { digest } = await packedArtifact(6);
    const before = (await rowOf(digest))!;
    await plane.blobs.delete(before.digest!);
    expect((await device.download(digest, 0, Infinity, { codings })).encoding).toBeNull();
    expect(await packed(digest)).toMatchObject({ state: 'packed', digest: before.digest });
    expect((await device.download(digest, 0, Infinity, { codings })).encoding?.digest).toBe(before.digest);
  });

  it.runIf(full)(
    'that a control plane left behind is taken over when its time is over, and given up in the end',
    async () => {
      const left = await released(contentOf(7));
      const project = await plane.database.project.findUniqueOrThrow({ where: { slug: 'plant' } });
      const key = { projectId: project.id, targetDigest: left.modelDigest, baseDigest: '' };
      const where = { projectId_targetDigest_baseDigest: key };
      const ahead = new Date(Date.now() + 3_600_000);
      await plane.database.packing.create({ data: { ...key, targetBytes: 30_000, attempts: 1, claimedUntil: ahead } });
      await packedArtifact(8);
      expect(await rowOf(left.modelDigest)).toMatchObject({ state: 'wanted', attempts: 1 });
      await plane.database.packing.update({ where, data: { claimedUntil: new Date(0) } });
      await packedArtifact(9);
      expect(await packed(left.modelDigest)).toMatchObject({ state: 'packed', attempts: 2 });
      const data = { state: 'wanted', attempts: 3, claimedUntil: new Date(0) };
      await plane.database.packing.update({ where, data });
      await packedArtifact(10);
      expect(await packed(left.modelDigest)).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining('3 times'),
      });
    },
  );

  it.runIf(full)('is put off when the control plane stops, and goes on with the next', async () => {
    const artifact = await released(contentOf(11, 120_000));
    await device.download(artifact.modelDigest, 0, Infinity, { codings });
    await until(
      'it is begun',
      () => rowOf(artifact.modelDigest),
      (row) => row?.attempts === 1,
    );
    await plane.stop();
    expect(await rowOf(artifact.modelDigest)).toMatchObject({ state: 'wanted', attempts: 0, claimedUntil: null });
    await plane.startAgain();
    await packedArtifact(12);
    expect(await packed(artifact.modelDigest)).toMatchObject({ state: 'packed', attempts: 1 });
  });

  it('is collected with its artifact, and not before', async () => {
    const one = await packedArtifact(13);
    const two = await packedArtifact(14, [one.digest]);
    const forms = [await rowOf(one.digest), await rowOf(two.digest), await rowOf(two.digest, one.digest)];
    const held = async () => Promise.all(forms.map(async (row) => (await plane.blobs.stat(row!.digest!)) !== null));
    const collect = async (): Promise<void> => {
      const options = { databaseUrl: plane.database.url, store: plane.blobs, graceMs: 0, stopping: () => false };
      const collector = await Collector.open(options);
      await collector.run(false).finally(() => collector.close());
    };
    // The data set of the artifacts of tests has no files, which is no data set.
    const files = [{ path: 'a.csv', ...(await plane.blobs.put(Buffer.from('1'))) }];
    await plane.database.dataset.updateMany({ data: { files } });
    await collect();
    expect(await held()).toEqual([true, true, true]);
    await plane.database.releaseArtifact.deleteMany({ where: { artifactId: one.artifact.id } });
    await plane.database.artifact.delete({ where: { id: one.artifact.id } });
    await collect();
    expect(await held()).toEqual([false, true, false]);
    expect(await plane.database.packing.count({ where: { targetDigest: { in: [one.digest, two.digest] } } })).toBe(1);
  });
});
