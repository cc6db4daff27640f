/** A device that comes back: its certificate has expired while it was off, or it enrols again. The agent as a process. */
import { createPublicKey } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readDeviceIdentity } from '@verge/trust/identity';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentProcess } from '../../tests/agent-process.js';
import { buildArtifact } from '../../tests/artifacts.js';
import { Gateway } from '../../tests/gateway.js';
import type { Identity } from '../identity.js';

let gateway: Gateway;
let agent: AgentProcess;
beforeEach(async () => {
  gateway = await Gateway.start();
  agent = await AgentProcess.enrolled(gateway);
});
afterEach(async () => {
  await agent.remove();
  gateway.down();
});

const path = () => join(agent.dir, 'identity.json');
/** Without its checksum, so that it may be written changed. */
const identity = async (): Promise<Identity> => {
  const { checksum, ...content } = JSON.parse(await readFile(path(), 'utf8')) as Identity & { checksum: string };
  expect(checksum).toMatch(/^[0-9a-f]{64}$/);
  return content;
};
const publicKey = ({ privateKeyPem }: Identity) =>
  createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' });

describe('a device that was off', () => {
  it('for two hundred days renews its certificate by itself, with the same key, and goes on', async () => {
    const before = await identity();
    const certificateChainPem = await gateway.agedCertificate(before.privateKeyPem, 200);
    await writeFile(path(), JSON.stringify({ ...before, certificateChainPem }));
    const v1 = buildArtifact({ version: 1 });
    gateway.publish(v1);
    gateway.desire(v1);
    await agent.start();
    await agent.serves(1);
    expect(gateway.expiredRenewals).toBe(1);
    expect(gateway.renewals).toBe(0);
    const after = await identity();
    expect(publicKey(after)).toEqual(publicKey(before));
    expect(readDeviceIdentity(after.certificateChainPem).notAfter.getTime()).toBeGreaterThan(Date.now());
  });
});

describe('a device that enrols again', () => {
  const again = () => ({ ...gateway.bundle, deviceId: gateway.deviceId, token: gateway.newToken() });

  it('keeps its id, its key, its slots and its spool', async () => {
    const v1 = buildArtifact({ version: 1 });
    gateway.publish(v1);
    gateway.desire(v1);
    await agent.start();
    await agent.serves(1);
    const spool = (await agent.status())?.spool.id;
    const before = await identity();
    expect(await agent.enroll(gateway, again())).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ALREADY_RUNNING'),
    });
    await agent.kill('SIGTERM');
    const other = { ...again(), deviceId: '01a3bcde-0000-7000-8000-000000000001' };
    expect(await agent.enroll(gateway, other)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ALREADY_ENROLLED'),
    });
    expect(await agent.enroll(gateway, again())).toMatchObject({ code: 0 });
    const after = await identity();
    expect(after.deviceId).toBe(before.deviceId);
    expect(publicKey(after)).toEqual(publicKey(before));
    expect(after.certificateChainPem).not.toBe(before.certificateChainPem);
    gateway.down();
    await agent.start();
    await agent.serves(1);
    expect((await agent.status())?.spool.id).toBe(spool);
  });

  it('with a damaged identity makes a new key, and is the same device', async () => {
    const before = await identity();
    for (const generation of [path(), `${path()}.previous`]) await writeFile(generation, '{"version":1');
    expect(await agent.enroll(gateway)).toMatchObject({ code: 1, stderr: expect.stringContaining('STATE_DAMAGED') });
    expect(await agent.enroll(gateway, again())).toMatchObject({ code: 0 });
    const after = await identity();
    expect(after.deviceId).toBe(before.deviceId);
    expect(publicKey(after)).not.toEqual(publicKey(before));
  });
});
