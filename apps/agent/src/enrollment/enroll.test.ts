/** Enrolment as a user does it: the built command against a real gateway. */
import { stat, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthority } from '@verge/trust/identity';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentProcess } from '../../tests/agent-process.js';
import { Gateway } from '../../tests/gateway.js';

let gateway: Gateway;
let agent: AgentProcess;
const fresh: AgentProcess[] = [];
beforeAll(async () => {
  gateway = await Gateway.start();
  agent = await AgentProcess.blank();
});
afterAll(async () => {
  for (const one of [agent, ...fresh]) await one.remove();
  gateway.down();
});
const blank = async (): Promise<AgentProcess> => {
  const one = await AgentProcess.blank();
  fresh.push(one);
  return one;
};

describe('enroll', () => {
  it('survives a lost reply, is idempotent, and keeps its key to itself', async () => {
    gateway.knobs.loseEnrollReply = true;
    const lost = await agent.enroll(gateway);
    expect(lost.code).toBe(1);
    expect(lost.stderr).toContain('CONTROL_PLANE_UNREACHABLE');
    expect(await readFile(join(agent.dir, 'enrolling.json'), 'utf8')).toContain('PRIVATE KEY');
    // The gateway gives a used token to the same key only, so this shows that the key was kept.
    const again = await agent.enroll(gateway, gateway.bundle, ['--name', 'north door']);
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining(gateway.deviceId) });
    const third = await agent.enroll(gateway);
    expect(third).toMatchObject({ code: 0, stdout: expect.stringContaining('already') });
    expect(gateway.enrollments).toBe(2);
    const path = join(agent.dir, 'identity.json');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
      deviceId: gateway.deviceId,
      name: 'north door',
      deviceClass: 'edge-small',
    });
    await expect(stat(join(agent.dir, 'enrolling.json'))).rejects.toThrow('ENOENT');
    const other = await agent.enroll(gateway, { ...gateway.bundle, token: 'another-token-another-token' });
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('ALREADY_ENROLLED') });
  });

  it('refuses bad bundles, naming every bad field and never the token', async () => {
    const bad = await (await blank()).enroll(gateway, { ...gateway.bundle, endpoint: 'nowhere', deviceClass: '!' });
    expect(bad).toMatchObject({ code: 1, stderr: expect.stringMatching(/BUNDLE_INVALID.*endpoint.*deviceClass/) });
    expect(bad.stderr).not.toContain(gateway.token);
    const rootless = await (await blank()).enroll(gateway, { ...gateway.bundle, releaseRoot: null });
    expect(rootless).toMatchObject({ code: 1, stderr: expect.stringContaining('RELEASE_ROOT_MISSING') });
    const noRoot = { ...gateway.bundle, releaseRoot: Buffer.from('{}').toString('base64') };
    expect(await (await blank()).enroll(gateway, noRoot)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('BUNDLE_INVALID'),
    });
  });

  it('takes the release root from a file', async () => {
    const one = await blank();
    const path = join(one.dir, 'root.json');
    await writeFile(path, Buffer.from(gateway.bundle.releaseRoot!, 'base64'));
    const bundle = { ...gateway.bundle, releaseRoot: null, token: 'a-token-that-nobody-knows' };
    const refused = await one.enroll(gateway, bundle, ['--release-root', path]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('ENROLLMENT_REFUSED') });
  });

  it('refuses a server that the bundle does not name', async () => {
    const { certificatePem } = await createAuthority({ commonName: 'somebody else' });
    const result = await (await blank()).enroll(gateway, { ...gateway.bundle, authorityPem: certificatePem });
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('CONTROL_PLANE_UNREACHABLE') });
  });

  it('runs nothing without an identity, and says so', async () => {
    const one = await blank();
    const run = await one.command(['run', '--port', '0']);
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('NOT_ENROLLED') });
    const status = await one.command(['status', '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({ running: false, enrolled: false });
    expect((await one.command(['run', '--port', '70000'])).code).toBe(2);
  });
});
