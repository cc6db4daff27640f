/** The life of a user: made, changed, shut out, let in again, taken into projects and out of them, deleted. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type ApiError, type Client } from '@verge/contracts';
import { administrator, Plane } from '../../test/plane.js';

let plane: Plane;
let admin: Client;
const password = 'long enough 1';
const plant = { project: 'plant' };

beforeAll(async () => {
  plane = await Plane.start();
  admin = plane.admin;
  await admin.call('projects.create', { body: { slug: 'plant', name: 'Plant' } });
});
afterAll(() => plane.close());

const refusal = async (call: Promise<unknown>): Promise<ApiError> =>
  await call.then(
    () => expect.fail('expected a refusal'),
    (error: ApiError) => error,
  );
const login = async (email: string, word = password): Promise<Client> => {
  const { token } = await createClient({ baseUrl: plane.url }).call('auth.login', { body: { email, password: word } });
  return createClient({ baseUrl: plane.url, token });
};
const create = async (name: string, more: { administrator?: boolean } = {}) =>
  await admin.call('users.create', { body: { email: `${name}@example.org`, name, password, ...more } });

describe('a user', () => {
  it('is found by id and e-mail address, renamed, and made an administrator', async () => {
    const made = await create('ada');
    expect(await admin.call('users.get', { params: { user: 'Ada@Example.org' } })).toEqual(made);
    const body = { name: 'Ada L.', administrator: true };
    expect(await admin.call('users.update', { params: { user: made.id }, body })).toEqual({ ...made, ...body });
    expect((await refusal(admin.call('users.get', { params: { user: 'nobody@example.org' } }))).code).toBe('NOT_FOUND');
    await admin.call('users.update', { params: { user: made.id }, body: { administrator: false } });
  });

  it('that is disabled is let in nowhere, and with all that it had when it is enabled again', async () => {
    const { id, email } = await create('bea');
    await admin.call('members.add', { params: plant, body: { email, role: 'operator' } });
    const session = await login(email);
    const { token } = await session.call('tokens.create', { body: { name: 't' } });
    const byToken = createClient({ baseUrl: plane.url, token });
    expect((await admin.call('users.disable', { params: { user: id } })).disabledAt).not.toBeNull();
    expect((await refusal(session.call('auth.me', {}))).code).toBe('UNAUTHENTICATED');
    expect((await refusal(byToken.call('auth.me', {}))).message).toMatch(/disabled/);
    expect((await refusal(login(email))).code).toBe('FORBIDDEN');
    expect((await refusal(login(email, 'a wrong one'))).code).toBe('UNAUTHENTICATED');
    expect((await admin.call('members.list', { params: plant })).items.find((m) => m.id === id)?.disabled).toBe(true);
    await admin.call('users.enable', { params: { user: id } });
    expect((await byToken.call('auth.me', {})).email).toBe(email);
    expect((await refusal(session.call('auth.me', {}))).code).toBe('UNAUTHENTICATED');
  });

  it('gets a new password, which ends its sessions, and its tokens where that is asked', async () => {
    const { id, email } = await create('cy');
    const session = await login(email);
    await session.call('tokens.create', { body: { name: 't' } });
    expect((await admin.call('users.sessions', { params: { user: id } })).items).toHaveLength(1);
    const body = { password: 'long enough 2', revokeTokens: true };
    const ended = await admin.call('users.resetPassword', { params: { user: id }, body });
    expect(ended).toEqual({ sessionsEnded: 1, tokensRevoked: 1 });
    expect((await refusal(login(email))).code).toBe('UNAUTHENTICATED');
    await login(email, body.password);
    expect(await admin.call('users.endSessions', { params: { user: id } })).toEqual({ ended: 1 });
  });

  it('is deleted when it holds nothing any more; what it holds is named', async () => {
    const { id, email } = await create('dan', { administrator: true });
    const session = await login(email);
    await session.call('projects.create', { body: { slug: 'dans', name: 'D' } });
    const token = await session.call('tokens.create', { body: { name: 'nightly' } });
    const held = await refusal(admin.call('users.delete', { params: { user: id } }));
    expect(held.code).toBe('CONFLICT');
    expect(held.message).toMatch(/last admin of the project dans.*API token "nightly"/);
    const body = { email: administrator.email, role: 'admin' as const };
    await session.call('members.add', { params: { project: 'dans' }, body });
    expect((await admin.call('users.tokens', { params: { user: id } })).items.map((t) => t.id)).toEqual([token.id]);
    await admin.call('users.revokeToken', { params: { user: id, token: token.id } });
    await admin.call('users.delete', { params: { user: id } });
    expect((await refusal(session.call('auth.me', {}))).code).toBe('UNAUTHENTICATED');
    expect((await refusal(admin.call('users.get', { params: { user: id } }))).code).toBe('NOT_FOUND');
  });

  it('is never the last administrator that goes, and nobody shuts themselves out', async () => {
    const me = (await admin.call('auth.me', {})).id;
    const demote = { params: { user: me }, body: { administrator: false } };
    expect((await refusal(admin.call('users.update', demote))).code).toBe('STATE_CONFLICT');
    expect((await refusal(admin.call('users.disable', { params: { user: me } }))).code).toBe('STATE_CONFLICT');
    expect((await refusal(admin.call('users.delete', { params: { user: me } }))).code).toBe('STATE_CONFLICT');
    const { id, email } = await create('eve', { administrator: true });
    const eve = await login(email);
    // Each takes the right from the other at the same moment: one of them keeps it.
    const both = await Promise.allSettled([
      admin.call('users.update', { params: { user: id }, body: { administrator: false } }),
      eve.call('users.update', demote),
    ]);
    expect(both.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
    expect(await plane.database.user.count({ where: { administrator: true, disabledAt: null } })).toBe(1);
    await plane.database.user.update({ where: { id: me }, data: { administrator: true } });
  });
});

describe('a member of a project', () => {
  it('is added by an admin of the project, gets another role at once, and is removed with its tokens', async () => {
    const { id, email } = await create('fay');
    const fay = await login(email);
    expect((await refusal(fay.call('projects.get', { params: plant }))).code).toBe('NOT_FOUND');
    await admin.call('members.add', { params: plant, body: { email, role: 'viewer' } });
    const again = admin.call('members.add', { params: plant, body: { email, role: 'admin' } });
    expect((await refusal(again)).code).toBe('CONFLICT');
    const group = { params: plant, body: { name: 'line-1' } };
    expect((await refusal(fay.call('groups.create', group))).code).toBe('FORBIDDEN');
    await admin.call('members.update', { params: { ...plant, user: email }, body: { role: 'operator' } });
    await fay.call('groups.create', group);
    const add = { params: plant, body: { email: administrator.email, role: 'viewer' as const } };
    expect((await refusal(fay.call('members.add', add))).code).toBe('FORBIDDEN');
    const { token } = await fay.call('tokens.create', { body: { name: 't', project: 'plant' } });
    await admin.call('members.remove', { params: { ...plant, user: id } });
    expect((await refusal(fay.call('projects.get', { params: plant }))).code).toBe('NOT_FOUND');
    await admin.call('members.add', { params: plant, body: { email, role: 'operator' } });
    const before = createClient({ baseUrl: plane.url, token });
    expect((await refusal(before.call('auth.me', {}))).code).toBe('UNAUTHENTICATED');
  });

  it('stays while it is the last admin', async () => {
    const me = administrator.email;
    const demote = { params: { ...plant, user: me }, body: { role: 'viewer' as const } };
    expect((await refusal(admin.call('members.update', demote))).code).toBe('STATE_CONFLICT');
    const remove = { params: { ...plant, user: me } };
    expect((await refusal(admin.call('members.remove', remove))).code).toBe('STATE_CONFLICT');
    // Another admin who is disabled is none to fall back on.
    const { id, email } = await create('gus');
    await admin.call('members.add', { params: plant, body: { email, role: 'admin' } });
    await admin.call('users.disable', { params: { user: id } });
    expect((await refusal(admin.call('members.remove', remove))).code).toBe('STATE_CONFLICT');
    const { items } = await admin.call('members.list', { params: plant, query: { limit: 1 } });
    expect(items).toHaveLength(1);
  });

  it('that does not exist is told of in the same words, whether there is such a user or not', async () => {
    const { email } = await create('hal');
    const about = (user: string): Promise<ApiError> =>
      refusal(admin.call('members.remove', { params: { ...plant, user } }));
    expect((await about(email)).message.replace(email, 'x')).toBe(
      (await about('nobody@example.org')).message.replace('nobody@example.org', 'x'),
    );
  });
});
