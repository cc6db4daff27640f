/** A stream ends with the right to it, wherever it is open. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type Client } from '@verge/contracts';
import { Plane, until } from '../../test/plane.js';
import type { ControlPlane } from '../index.js';
import { startControlPlane } from '../index.js';

let plane: Plane;
let admin: Client;
/** Another control plane on the same database: what is revoked at one ends at the other. */
let second: ControlPlane;
const params = { project: 'plant' };
const password = 'long enough 1';

beforeAll(async () => {
  plane = await Plane.start();
  admin = plane.admin;
  await admin.call('projects.create', { body: { slug: 'plant', name: 'Plant' } });
  const { http, grpc } = plane.config;
  const ports = { http: { ...http, port: 0 }, grpc: { ...grpc, port: 0, enrollPort: 0 } };
  second = await startControlPlane({ ...plane.config, ...ports });
});
afterAll(async () => {
  await second.close();
  await plane.close();
});

/** Opens the project's events at the second control plane, and says when they ended. */
async function follow(token: string): Promise<{ ended: () => boolean }> {
  const client = createClient({ baseUrl: second.httpUrl, token });
  const response = await client.open('events.stream', { params });
  let ended = false;
  const read = async (): Promise<void> => {
    for await (const _ of response.body!) continue;
  };
  read().then(
    () => (ended = true),
    () => (ended = true),
  );
  return { ended: () => ended };
}
const isCut = (stream: { ended: () => boolean }) =>
  until('the stream is cut', () => Promise.resolve(stream.ended()), Boolean);

async function member(
  email: string,
  role: 'viewer' | 'operator' = 'viewer',
): Promise<{ token: string; client: Client }> {
  await admin.call('users.create', {
    body: { email, name: email, password, memberships: [{ project: 'plant', role }] },
  });
  const { token } = await createClient({ baseUrl: plane.url }).call('auth.login', { body: { email, password } });
  return { token, client: createClient({ baseUrl: plane.url, token }) };
}
const apiToken = async (client: Client = admin) =>
  await client.call('tokens.create', { body: { name: 'stream', project: 'plant', role: 'viewer' } });

describe('an open event stream', () => {
  it('goes on while its credential holds, whatever ends beside it', async () => {
    const [kept, revoked] = [await apiToken(), await apiToken()];
    const stream = await follow(kept.token);
    const other = await follow(revoked.token);
    await admin.call('tokens.delete', { params: { token: revoked.id } });
    await isCut(other);
    expect(stream.ended()).toBe(false);
    await admin.call('tokens.delete', { params: { token: kept.id } });
    await isCut(stream);
  });

  it.each<[string, (of: { id: string; token: string; client: Client }) => Promise<unknown>]>([
    ['logout', ({ client }) => client.call('auth.logout', {})],
    ['the end of all sessions', ({ id }) => admin.call('users.endSessions', { params: { user: id } })],
    ['a new password', ({ id }) => admin.call('users.resetPassword', { params: { user: id }, body: { password } })],
    ['disablement', ({ id }) => admin.call('users.disable', { params: { user: id } })],
    ['removal from the project', ({ id }) => admin.call('members.remove', { params: { ...params, user: id } })],
    ['a session that expires', ({ id }) => expireSessions(id)],
  ])('is cut by %s', async (what, end) => {
    const email = `${what.replaceAll(' ', '-')}@example.org`;
    const { token, client } = await member(email);
    const { id } = await admin.call('users.get', { params: { user: email } });
    const stream = await follow(token);
    await end({ id, token, client });
    await isCut(stream);
  });

  it('of a token is cut with the token that made it, and when its user loses the project', async () => {
    const parent = await apiToken();
    const child = await createClient({ baseUrl: plane.url, token: parent.token }).call('tokens.create', {
      body: { name: 'child', project: 'plant', role: 'viewer' },
    });
    const ofChild = await follow(child.token);
    await admin.call('tokens.delete', { params: { token: parent.id } });
    await isCut(ofChild);
    const { client } = await member('leaver@example.org');
    const ofLeaver = await follow((await apiToken(client)).token);
    await admin.call('members.remove', { params: { ...params, user: 'leaver@example.org' } });
    await isCut(ofLeaver);
  });

  it('is cut although the announcement is lost', async () => {
    const token = await apiToken();
    const stream = await follow(token.token);
    // Past the API, so that nobody is told.
    await plane.database.apiToken.delete({ where: { id: token.id } });
    await isCut(stream);
  });

  it('is cut at the moment that its credential expires', async () => {
    const token = await apiToken();
    const expiresAt = new Date(Date.now() + 1_500);
    await plane.database.apiToken.update({ where: { id: token.id }, data: { expiresAt } });
    const stream = await follow(token.token);
    expect(stream.ended()).toBe(false);
    await isCut(stream);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
  });
});

/** Past the API, where only the periodic check can find it. */
async function expireSessions(userId: string): Promise<void> {
  await plane.database.session.updateMany({ where: { userId }, data: { expiresAt: new Date() } });
}

describe('bytes under way', () => {
  it('stop when the token is revoked', async () => {
    const bytes = randomBytes(48 * 1024 * 1024);
    const { digest } = await plane.blobs.put(bytes);
    const project = await plane.database.project.findUniqueOrThrow({ where: { slug: 'plant' } });
    await plane.database.blobReference.create({ data: { projectId: project.id, digest, bytes: bytes.length } });
    const token = await apiToken();
    const client = createClient({ baseUrl: second.httpUrl, token: token.token });
    const response = await client.open('blobs.get', { params: { ...params, digest } });
    const reader = response.body!.getReader();
    let received = (await reader.read()).value!.length;
    await admin.call('tokens.delete', { params: { token: token.id } });
    // Read no faster than the cut: what the sockets hold still arrives.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await expect(
      (async () => {
        for (let part = await reader.read(); !part.done; part = await reader.read()) received += part.value.length;
      })(),
    ).rejects.toThrow();
    expect(received).toBeLessThan(bytes.length);
  });
});
