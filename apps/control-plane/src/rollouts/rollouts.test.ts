import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Client, Gate, Rollout, RolloutEventMessage } from '@verge/contracts';
import type { TestArtifact } from '../../test/fleet/artifacts.js';
import { makeArtifacts, Publisher } from '../../test/fleet/artifacts.js';
import { TestControlPlane, until } from '../../test/fleet/control-plane.js';
import { SimulatedDevice } from '../../test/fleet/device.js';

let plane: TestControlPlane;
let api: Client;
let publisher: Publisher;
let count = 0;
let devices: SimulatedDevice[] = [];
const params = { project: 'plant' };
const quick: Partial<Gate> = { observeSeconds: 0, minRequests: 0 };

beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  publisher = new Publisher(api, 'plant');
});
afterEach(() => {
  for (const device of devices) device.stop();
  devices = [];
});
afterAll(() => plane.close());

/** A group of its own with devices that watch. */
async function fleet(size: number, deviceClass = 'x64', group = `group-${++count}`): Promise<string> {
  await api.call('groups.create', { params, body: { name: group } }).catch(() => undefined);
  const body = { deviceClass, group, maxUses: size };
  const { bundle } = await api.call('enrollment.create', { params, body });
  for (let i = 0; i < size; i++) {
    devices.push((await SimulatedDevice.enroll(bundle, `${group}-${deviceClass}-${i}`)).watch());
  }
  await until(
    'devices online',
    () => api.call('groups.get', { params: { ...params, group } }),
    (g) => g.online >= size,
  );
  return group;
}

async function released(deviceClasses = ['x64']): Promise<{ name: string; artifacts: TestArtifact[] }> {
  const artifacts = await makeArtifacts(plane, { project: 'plant', deviceClasses });
  const name = `release-${++count}`;
  await publisher.release(name, artifacts);
  return { name, artifacts };
}

type Body = { waves?: Rollout['waves'][number] extends never ? never : ({ devices: number } | { percent: number })[] };
async function rollOut(group: string, release: string, gate: Partial<Gate> = {}, more: Body = {}): Promise<string> {
  const body = { name: `rollout-${++count}`, release, group, gate: { ...quick, ...gate }, ...more };
  return (await api.call('rollouts.create', { params, body })).id;
}

const get = (rollout: string) => api.call('rollouts.get', { params: { ...params, rollout } });
const states = async (rollout: string) =>
  (await api.call('rollouts.devices', { params: { ...params, rollout } })).items.map((item) => item.state);
const ends = (rollout: string, state: Rollout['state']) =>
  until(
    `rollout ${state}`,
    () => get(rollout),
    (r) => r.state === state,
  );
const actives = () => devices.map((device) => device.active);

/** Gives the whole group a first version. */
async function settled(group: string): Promise<TestArtifact> {
  const { name, artifacts } = await released();
  await ends(await rollOut(group, name), 'succeeded');
  return artifacts[0]!;
}

describe('a rollout', () => {
  it('reaches the canary, then the rest, and each device gets the artifact of its class', async () => {
    const group = await fleet(3);
    await fleet(1, 'arm64', group);
    await fleet(1, 'riscv', group);
    const { name, artifacts } = await released(['x64', 'arm64']);
    const id = await rollOut(group, name);
    const done = await ends(id, 'succeeded');
    expect(done.waves.map((wave) => [wave.state, wave.devices, wave.updated])).toEqual([
      ['passed', 1, 1],
      ['passed', 3, 3],
    ]);
    expect(done.counts).toMatchObject({ updated: 4, skipped: 1 });
    const byClass = Object.fromEntries(artifacts.map((a) => [a.deviceClass, a.manifestDigest]));
    expect(actives()).toEqual([byClass['x64'], byClass['x64'], byClass['x64'], byClass['arm64'], '']);
    const items = (await api.call('rollouts.devices', { params: { ...params, rollout: id } })).items;
    expect(items.find((item) => item.state === 'skipped')?.error?.code).toBe('NO_ARTIFACT');
    const view = await api.call('devices.get', { params: { ...params, device: devices[0]!.id } });
    expect(view.active).toMatchObject({ model: 'digits', manifestDigest: byClass['x64'] });
    expect(view.desired).toMatchObject({ manifestDigest: byClass['x64'] });
  });

  it('stops at a canary that fails its self-test and takes it back', async () => {
    const group = await fleet(3);
    const old = await settled(group);
    const { name } = await released();
    for (const device of devices) {
      device.judge = () => ({ code: 'SELF_TEST_FAILED', message: 'an output differs by 3' });
    }
    const id = await rollOut(group, name);
    const done = await ends(id, 'reverted');
    expect(done.reason).toMatch(/^wave 1: 1 of 1 devices failed.*SELF_TEST_FAILED: an output differs by 3/);
    expect((await states(id)).sort()).toEqual(['reverted', 'skipped', 'skipped']);
    expect(new Set(actives())).toEqual(new Set([old.manifestDigest]));
    const audit = await plane.api.call('audit.list', { params, query: { action: 'rollout.stop' } });
    expect(audit.items[0]).toMatchObject({ actor: { kind: 'system' }, subject: { id } });
  });

  it('takes updated devices back when the new version is slower than the old one on the same devices', async () => {
    const group = await fleet(2);
    const old = await settled(group);
    for (const device of devices) await device.serve(100, 10);
    const { name, artifacts } = await released();
    const id = await rollOut(group, name, { minRequests: 50, maxLatencyRatio: 1.5 });
    const canary = await until(
      'the canary',
      () => devices.find((d) => d.active === artifacts[0]!.manifestDigest),
      Boolean,
    );
    await canary!.serve(100, 20);
    const done = await ends(id, 'reverted');
    // 1 % of the sketch on both sides.
    expect(Number(/([\d.]+) times/.exec(done.reason)?.[1])).toBeCloseTo(2, 1);
    expect(new Set(actives())).toEqual(new Set([old.manifestDigest]));
    const [first] = (await api.call('rollouts.devices', { params: { ...params, rollout: id } })).items;
    expect(first).toMatchObject({ state: 'reverted', requests: 100, previousDigest: old.manifestDigest });
    expect(Math.abs(first!.baselineP50Ms! - 10)).toBeLessThan(0.2);
  });

  it('waits for traffic, goes on when it is good, and stops on errors in a later wave', async () => {
    const group = await fleet(3);
    await settled(group);
    const { name, artifacts } = await released();
    const id = await rollOut(group, name, { minRequests: 20, maxErrorRate: 0.1 });
    const onNew = () => devices.filter((d) => d.active === artifacts[0]!.manifestDigest);
    await until(
      'the canary',
      () => onNew().length,
      (n) => n === 1,
    );
    await until(
      'waits',
      () => get(id),
      (r) => /has answered fewer than 20 requests/.test(r.reason),
    );
    await onNew()[0]!.serve(100, 5, 2);
    await until(
      'the rest',
      () => onNew().length,
      (n) => n === 3,
    );
    for (const device of onNew()) await device.serve(50, 5, 15);
    const done = await ends(id, 'reverted');
    expect(done.reason).toMatch(/of \d+ requests ended in an error/);
    expect(onNew()).toEqual([]);
  });

  it('asks nothing of devices that ran nothing before', async () => {
    const group = await fleet(1);
    const { name } = await released();
    devices[0]!.judge = () => ({ code: 'DISK_FULL', message: 'no room' });
    const id = await rollOut(group, name);
    await ends(id, 'reverted');
    await until(
      'no target',
      () => devices[0]!.states.at(-1)?.target,
      (target) => target === null,
    );
    const view = await api.call('devices.get', { params: { ...params, device: devices[0]!.id } });
    expect(view).toMatchObject({ desired: null, active: null, error: { code: 'DISK_FULL' } });
  });

  it('pauses, resumes and cancels; a second one in the same group waits its turn', async () => {
    const group = await fleet(2);
    const { name, artifacts } = await released();
    const id = await rollOut(group, name, { observeSeconds: 1 });
    const at = { params: { ...params, rollout: id } };
    expect((await api.call('rollouts.pause', at)).state).toBe('paused');
    await expect(rollOut(group, name)).rejects.toMatchObject({ code: 'CONFLICT', status: 409 });
    await expect(api.call('rollouts.pause', at)).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    await until(
      'the canary is done',
      () => states(id),
      (list) => list.includes('updated'),
    );
    expect((await states(id)).sort()).toEqual(['updated', 'waiting']);
    await api.call('rollouts.resume', at);
    await ends(id, 'succeeded');
    const next = await released();
    const second = await rollOut(group, next.name, { minRequests: 1000 });
    await until(
      'one more',
      () => states(second),
      (list) => list.includes('updated'),
    );
    const cancelled = await api.call('rollouts.cancel', { params: { ...params, rollout: second } });
    expect(cancelled).toMatchObject({ state: 'cancelled', counts: { updated: 1, skipped: 1 } });
    expect(actives().sort()).toEqual([artifacts[0]!.manifestDigest, next.artifacts[0]!.manifestDigest].sort());
  });

  it('is reverted by request after everything was updated but before it ended', async () => {
    const group = await fleet(2);
    const old = await settled(group);
    const { name } = await released();
    const id = await rollOut(group, name, { minRequests: 5 }, { waves: [{ percent: 100 }] });
    await until(
      'all updated',
      () => states(id),
      (list) => list.every((state) => state === 'updated'),
    );
    await api.call('rollouts.revert', { params: { ...params, rollout: id } });
    expect((await ends(id, 'reverted')).counts.reverted).toBe(2);
    expect(new Set(actives())).toEqual(new Set([old.manifestDigest]));
  });

  it('goes on after the control plane was stopped in the middle', async () => {
    const group = await fleet(3);
    const { name, artifacts } = await released();
    const id = await rollOut(group, name, { minRequests: 10 });
    await until(
      'the canary',
      () => states(id),
      (list) => list.includes('updated'),
    );
    await plane.stop();
    await plane.startAgain();
    const token = await plane.api.call('tokens.create', {
      body: { name: 'again', project: 'plant', role: 'operator' },
    });
    expect(token.token).not.toBe('');
    const canary = devices.find((d) => d.active !== '')!;
    await until(
      'telemetry',
      () =>
        canary
          .serve(20, 5)
          .then(() => true)
          .catch(() => false),
      Boolean,
    );
    const onNew = () => devices.filter((d) => d.active === artifacts[0]!.manifestDigest);
    await until(
      'the rest',
      () => onNew().length,
      (n) => n === 3,
    );
    for (const device of onNew()) await device.serve(20, 5);
    expect((await ends(id, 'succeeded')).counts.updated).toBe(3);
  });

  it('leaves a device that is switched off behind, succeeds, and updates it when it comes back', async () => {
    const group = await fleet(3);
    const away = devices[2]!;
    away.stop();
    await until(
      'it is offline',
      () => api.call('groups.get', { params: { ...params, group } }),
      (g) => g.online === 2,
    );
    const { name, artifacts } = await released();
    const id = await rollOut(group, name, { deviceTimeoutSeconds: 2 });
    const done = await ends(id, 'succeeded');
    expect(done.counts).toMatchObject({ updated: 2, pending: 1, failed: 0 });
    expect(done.waves[1]).toMatchObject({ state: 'passed', pending: 1 });
    expect(done.reason).toMatch(/^1 device had not been updated when it ended/);
    devices.push(away.again());
    await until(
      'it is updated',
      () => states(id),
      (list) => list.every((state) => state === 'updated'),
    );
    expect(devices.at(-1)!.active).toBe(artifacts[0]!.manifestDigest);
    expect((await get(id)).state).toBe('succeeded');
  });

  it('waits for a canary that nobody reaches, says so, and frees the group when it is cancelled', async () => {
    const group = await fleet(1);
    devices[0]!.stop();
    const { name } = await released();
    const id = await rollOut(group, name, { deviceTimeoutSeconds: 1 });
    // It says how many it waits for first, and when the time of the first device is over, how many it has reached.
    const waits = await until(
      'says that none is reached',
      () => get(id),
      (r) => r.counts.pending === 1 && /0 of 1 device reached so far/.test(r.reason ?? ''),
    );
    expect(waits.state).toBe('running');
    await api.call('rollouts.cancel', { params: { ...params, rollout: id } });
    await rollOut(group, name);
  });

  it('takes the bad model from devices that had none before, and they serve nothing again', async () => {
    const group = await fleet(2);
    const { name } = await released();
    const id = await rollOut(group, name, { minRequests: 5 });
    const canary = await until('the canary', () => devices.find((d) => d.active !== ''), Boolean);
    await canary!.serve(50, 5, 25);
    const done = await ends(id, 'reverted');
    expect(done.reason).toMatch(/50 % of 50 requests ended in an error of the model/);
    expect(actives()).toEqual(['', '']);
    expect(canary!.states.at(-1)).toMatchObject({ target: null, serveNothing: true });
    const [first] = (await api.call('rollouts.devices', { params: { ...params, rollout: id } })).items;
    expect(first).toMatchObject({ state: 'reverted', activeDigest: null });
  });

  it('counts a canary that went back by itself during its observation, with the reason', async () => {
    const group = await fleet(2);
    const old = await settled(group);
    const { name, artifacts } = await released();
    const id = await rollOut(group, name, { observeSeconds: 600 });
    const canary = await until(
      'the canary',
      () => devices.find((d) => d.active === artifacts[0]!.manifestDigest),
      Boolean,
    );
    await until(
      'it is updated',
      () => states(id),
      (list) => list.includes('updated'),
    );
    canary!.active = old.manifestDigest;
    await canary!.report('idle');
    const done = await ends(id, 'reverted');
    expect(done.reason).toMatch(/1 of 1 devices failed.*FELL_BACK: the device gave the new version up by itself/);
  });

  it('lets go of a device that was moved and has got something newer: neither overwrites nor takes it down', async () => {
    const group = await fleet(2);
    const other = await fleet(1);
    const first = await released();
    const older = await rollOut(group, first.name, { minRequests: 5 });
    const canary = await until(
      'the canary',
      () => devices.slice(0, 2).find((d) => d.active === first.artifacts[0]!.manifestDigest),
      Boolean,
    );
    const moved = devices.slice(0, 2).find((d) => d !== canary)!;
    for (const device of [canary!.id, moved.id])
      await api.call('devices.update', { params: { ...params, device }, body: { group: other } });
    // Before anything newer can overtake it: the device that it had not reached is let go because it moved.
    await until(
      'it lets go of the device that it has not reached',
      () => get(older),
      (r) => r.counts.skipped === 1,
    );
    const second = await released();
    const newer = await rollOut(other, second.name, {}, { waves: [{ percent: 100 }] });
    await ends(newer, 'succeeded');
    const ended = await until(
      'the older one lets go',
      () => get(older),
      (r) => r.counts.skipped === 2,
    );
    expect(ended.state).toBe('paused');
    await api.call('rollouts.revert', { params: { ...params, rollout: older } });
    await ends(older, 'reverted');
    expect(new Set(actives())).toEqual(new Set([second.artifacts[0]!.manifestDigest]));
    const items = (await api.call('rollouts.devices', { params: { ...params, rollout: older } })).items;
    expect(items.map((item) => item.error?.code).sort()).toEqual(['MOVED', 'SUPERSEDED']);
  });

  it('ends a revert without a device that is away, frees the group, and takes that device back when it returns', async () => {
    const group = await fleet(2);
    const old = await settled(group);
    const bad = await released();
    const id = await rollOut(
      group,
      bad.name,
      { minRequests: 5, deviceTimeoutSeconds: 2 },
      { waves: [{ percent: 100 }] },
    );
    await until(
      'all updated',
      () => states(id),
      (list) => list.every((state) => state === 'updated'),
    );
    const away = devices[1]!;
    away.stop();
    await api.call('rollouts.revert', { params: { ...params, rollout: id } });
    const done = await ends(id, 'reverted');
    expect(done.reason).toBe('reverted by request; 1 device had not gone back yet when it ended');
    expect(done.counts).toMatchObject({ reverted: 1, reverting: 1 });
    // It still runs what was taken back; a next rollout does not remember that as what it is to go back to.
    const next = await rollOut(group, (await released()).name, { minRequests: 5 }, { waves: [{ percent: 100 }] });
    const offered = (await api.call('rollouts.devices', { params: { ...params, rollout: next } })).items;
    expect(offered.map((item) => item.previousDigest)).toEqual([old.manifestDigest, old.manifestDigest]);
    expect(offered.find((item) => item.deviceId === away.id)).toMatchObject({
      state: 'offered',
      online: false,
      activeDigest: bad.artifacts[0]!.manifestDigest,
    });
    await api.call('rollouts.revert', { params: { ...params, rollout: next } });
    devices.push(away.again());
    await until(
      'it goes back',
      () => devices.at(-1)!.active,
      (active) => active === old.manifestDigest,
    );
    // The first rollout has let it go: the second one spoke to it later.
    await until(
      'nobody is reverting',
      async () => [...(await states(id)), ...(await states(next))],
      (list) => !list.includes('reverting'),
    );
  });

  it('is followed live', async () => {
    const group = await fleet(1);
    const { name } = await released();
    const id = await rollOut(group, name, { minRequests: 1 });
    const stop = new AbortController();
    const response = await api.open('rollouts.events', { params: { ...params, rollout: id }, signal: stop.signal });
    const seen: RolloutEventMessage[] = [];
    const reading = (async () => {
      let text = '';
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        const lines = (text + chunk).split('\n');
        text = lines.pop()!;
        for (const line of lines)
          if (line.startsWith('data: ')) seen.push(JSON.parse(line.slice(6)) as RolloutEventMessage);
      }
    })().catch(() => undefined);
    await until(
      'the canary',
      () => states(id),
      (list) => list.includes('updated'),
    );
    await devices[0]!.serve(5, 1);
    await until(
      'the end',
      () => seen,
      (all) => all.some((m) => m.type === 'rollout' && m.rollout.state === 'succeeded'),
    );
    expect(seen.some((m) => m.type === 'device' && m.device.state === 'updated')).toBe(true);
    stop.abort();
    await reading;
  });
});

describe('asking for a rollout', () => {
  it('names what is wrong with it', async () => {
    const { name } = await released();
    await api.call('groups.create', { params, body: { name: 'empty' } });
    await expect(rollOut('empty', name)).rejects.toMatchObject({ errors: [{ field: '/group' }] });
    await expect(rollOut('nowhere', name)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(rollOut('empty', 'nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const body = { name: 'x', release: name, group: 'empty', version: 'digits@99' };
    await expect(api.call('rollouts.create', { params, body })).rejects.toMatchObject({
      errors: [{ field: '/version' }],
    });
  });
});
