/**
 * Nobody has signed for a month: the devices go on, one goes back to what it has verified before, none takes anything new,
 * people are told, and one command mends it.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Device, Overview, Rollout, Training } from '@verge/contracts';
import { readKeyFile, renewRepository } from '@verge/trust/publish';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../apps/quickstart/src/processes.js';
import { digits, System } from '../loop/harness.js';
import { Fleet } from './fleet.js';

const DAY_MS = 86_400_000;
/** The timestamp's. */
const LIFETIME_MS = 30 * DAY_MS;
const LEFT_MS = 5_000;

describe.skipIf(!process.env['VERGE_TEST_FULL'])('a release whose timestamp has expired', () => {
  let system: System;
  let fleet: Fleet;
  const keys = (): string => join(system.home, 'keys');

  beforeAll(async () => {
    system = await System.start({ workers: 1 });
    const { verge } = system.commands;
    await verge(['datasets', 'add', 'digits', '--path', digits]);
    const config = join(system.home, 'config.json');
    const optimizer = { name: 'adamw', learningRate: 0.01 };
    const model = { architecture: 'mlp', params: {} };
    await writeFile(config, JSON.stringify({ model, split: 'digits-v1', epochs: 1, optimizer }));
    const flags = ['--model', 'digits', '--dataset', 'digits', '--config', config, '--wait'];
    const { versionId } = await verge<Training>(['trainings', 'create', ...flags]);
    fleet = await Fleet.create(system, versionId!, ['one', 'two', 'three']);
  }, 240_000);
  afterAll(() => system?.stop());

  const rolledOut = async (place: number): Promise<Rollout> => await fleet.over((await fleet.rollOut(place)).rollout);
  const device = (): Promise<Device> =>
    system.client.call('devices.get', { params: { project: system.project, device: fleet.deviceId } });
  const alarms = async (): Promise<Overview['alarms']> =>
    (await system.client.call('overview.get', { params: { project: system.project } })).alarms;

  /** Signs the same state again as it would have been signed almost thirty days ago. */
  async function signLongAgo(): Promise<Date> {
    const folder = join(keys(), 'metadata');
    const previous = new Map<string, Uint8Array>();
    for (const name of await readdir(folder)) previous.set(name, await readFile(join(folder, name)));
    const names = (await readdir(keys())).filter((name) => name.endsWith('.key.json'));
    const signers = await Promise.all(names.map((name) => readKeyFile(join(keys(), name))));
    const now = new Date(Date.now() - LIFETIME_MS + LEFT_MS);
    const { files } = renewRepository({ previous, keys: signers, now });
    for (const [name, content] of files) await writeFile(join(folder, name), content);
    const metadata = [...files].map(([name, content]) => ({ name, content: Buffer.from(content).toString('base64') }));
    await system.client.call('releases.publishMetadata', { params: { project: system.project }, body: { metadata } });
    return new Date(now.getTime() + LIFETIME_MS);
  }

  it('stops what is new alone, until it is renewed', { timeout: 600_000 }, async () => {
    for (const place of [0, 1]) expect(await rolledOut(place)).toMatchObject({ state: 'succeeded' });
    const end = await signLongAgo();
    await until('the expiry', 60, () => Promise.resolve(Date.now() > end.getTime() + 1000 ? true : undefined));
    expect((await alarms()).map(({ code, subject }) => `${code} ${subject}`)).toContain(
      'RELEASE_METADATA_EXPIRES timestamp',
    );

    // Back to what this device has verified: the director's word is enough.
    const back = await fleet.rollOut(0);
    expect(await fleet.over(back.rollout)).toMatchObject({ state: 'succeeded' });
    expect((await device()).active?.manifestDigest).toBe(back.artifact.manifestDigest);

    // Nothing new, and the device says why; what it serves goes on.
    const fresh = await fleet.rollOut(2);
    await fleet.over(fresh.rollout);
    const after = await device();
    expect(after.active?.manifestDigest).toBe(back.artifact.manifestDigest);
    expect(JSON.stringify(after)).toMatch(/METADATA_(EXPIRED|REFUSED)/);

    await system.commands.verge(['releases', 'renew', '--keys', keys()]);
    expect((await alarms()).map(({ code }) => code)).not.toContain('RELEASE_METADATA_EXPIRES');
    const again = await fleet.rollOut(2);
    expect(await fleet.over(again.rollout)).toMatchObject({ state: 'succeeded' });
    expect((await device()).active?.manifestDigest).toBe(again.artifact.manifestDigest);

    const log = await readFile(join(system.home, 'logs', 'control-plane.log'), 'utf8');
    expect(log.split('\n').filter((line) => /"level":(50|60)/.test(line))).toEqual([]);
  });
});
