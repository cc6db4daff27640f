/** Personal operations are judged by the credential that asks, not by its owner. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type ApiError, type Client } from '@verge/contracts';
import { administrator, Plane } from '../../test/plane.js';

let plane: Plane;
let admin: Client;
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
const as = (token: string): Client => createClient({ baseUrl: plane.url, token });
const inDays = (days: number): number => Date.now() + days * 86_400_000;

describe('a token', () => {
  it('never makes one that outlives it, and ends what it made with itself', async () => {
    const parent = await admin.call('tokens.create', { body: { name: 'parent', role: 'admin', expiresInDays: 2 } });
    const by = as(parent.token);
    for (const expiresInDays of [null, 3]) {
      const error = await refusal(by.call('tokens.create', { body: { name: 'longer', expiresInDays } }));
      expect(error.code).toBe('VALIDATION_FAILED');
      expect(error.errors[0]!.field).toBe('/expiresInDays');
    }
    const child = await by.call('tokens.create', { body: { name: 'child', role: 'operator' } });
    expect(child).toMatchObject({ parent: parent.id, expiresAt: parent.expiresAt });
    const sooner = await by.call('tokens.create', { body: { name: 'sooner', expiresInDays: 1 } });
    expect(Date.parse(sooner.expiresAt!)).toBeLessThan(inDays(1.1));
    const grandchild = await as(child.token).call('tokens.create', { body: { name: 'grandchild', role: 'viewer' } });
    expect((await as(grandchild.token).call('auth.me', {})).credential.name).toBe('grandchild');
    await admin.call('tokens.delete', { params: { token: parent.id } });
    for (const { token } of [parent, child, sooner, grandchild]) {
      expect((await refusal(as(token).call('auth.me', {}))).code).toBe('UNAUTHENTICATED');
    }
  });

  it('of which the parent has expired holds no more', async () => {
    const parent = await admin.call('tokens.create', { body: { name: 'parent', expiresInDays: 1 } });
    const child = await as(parent.token).call('tokens.create', { body: { name: 'child' } });
    await plane.database.apiToken.updateMany({
      where: { OR: [{ id: parent.id }, { parentId: parent.id }] },
      data: { expiresAt: new Date(Date.now() - 1) },
    });
    expect((await refusal(as(child.token).call('auth.me', {}))).code).toBe('UNAUTHENTICATED');
  });

  it('sees and revokes itself and what it made, and no other of its owner', async () => {
    const strong = await admin.call('tokens.create', { body: { name: 'strong', role: 'admin' } });
    const weak = await admin.call('tokens.create', { body: { name: 'weak', project: 'plant', role: 'viewer' } });
    const by = as(weak.token);
    const child = await by.call('tokens.create', { body: { name: 'child', project: 'plant', role: 'viewer' } });
    const seen = await by.call('tokens.list', {});
    expect(seen.items.map((t) => t.id).sort()).toEqual([weak.id, child.id].sort());
    expect((await refusal(by.call('tokens.delete', { params: { token: strong.id } }))).code).toBe('NOT_FOUND');
    const up = await refusal(as(child.token).call('tokens.delete', { params: { token: weak.id } }));
    expect(up.code).toBe('NOT_FOUND');
    await by.call('tokens.delete', { params: { token: child.id } });
    await by.call('tokens.delete', { params: { token: weak.id } });
    expect((await refusal(by.call('auth.me', {}))).code).toBe('UNAUTHENTICATED');
    expect((await as(strong.token).call('auth.me', {})).email).toBe(administrator.email);
  });

  it('is told of its owner what it reaches', async () => {
    const member = await admin.call('tokens.create', { body: { name: 'm', project: 'plant', role: 'operator' } });
    const me = await as(member.token).call('auth.me', {});
    expect(me).toMatchObject({ administrator: false, memberships: [{ project: 'plant', role: 'operator' }] });
    expect(me.credential).toMatchObject({ kind: 'token', id: member.id, project: 'plant', managesUsers: false });
    const whole = await admin.call('auth.me', {});
    expect(whole).toMatchObject({ administrator: true, credential: { kind: 'session', managesUsers: true } });
    expect(whole.memberships).toHaveLength(2);
  });

  it('makes no login that would outlive it, unless it was given that right', async () => {
    const make = { email: 'made@example.org', name: 'Made', password: 'long enough 1', administrator: true };
    const plain = await admin.call('tokens.create', { body: { name: 'plain', role: 'admin' } });
    expect((await refusal(as(plain.token).call('users.create', { body: make }))).code).toBe('FORBIDDEN');
    const reset = { params: { user: administrator.email }, body: { password: 'long enough 2' } };
    expect((await refusal(as(plain.token).call('users.resetPassword', reset))).code).toBe('FORBIDDEN');
    const body = { name: 'scim', role: 'admin' as const, managesUsers: true };
    expect((await refusal(as(plain.token).call('tokens.create', { body }))).code).toBe('FORBIDDEN');
    const narrow = await refusal(admin.call('tokens.create', { body: { ...body, role: 'operator' } }));
    expect(narrow.errors[0]!.field).toBe('/managesUsers');
    const scim = await admin.call('tokens.create', { body });
    expect((await as(scim.token).call('users.create', { body: make })).email).toBe(make.email);
  });

  it('that is revoked while it makes another leaves none behind', async () => {
    const parent = await admin.call('tokens.create', { body: { name: 'racing' } });
    const makes = Array.from({ length: 8 }, () =>
      as(parent.token)
        .call('tokens.create', { body: { name: 'racing child' } })
        .catch((error: ApiError) => error.code),
    );
    await admin.call('tokens.delete', { params: { token: parent.id } });
    await Promise.all(makes);
    expect(await plane.database.apiToken.count({ where: { name: 'racing child' } })).toBe(0);
  });
});
