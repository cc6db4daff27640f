/** Wrong passwords in the audit. On a control plane of its own: what is written of strangers in a minute is bounded. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { administrator, Plane, until } from '../../test/plane.js';

let plane: Plane;
beforeAll(async () => {
  plane = await Plane.start({ VERGE_TRUSTED_PROXIES: 'loopback' });
});
afterAll(() => plane.close());

const tryLogin = async (email: string, password: string, from: string): Promise<Response> =>
  await fetch(`${plane.url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': from },
    body: JSON.stringify({ email, password }),
  });

describe('wrong passwords', () => {
  it('are in the audit, of whom and from where, in two entries however many they are', async () => {
    const from = '203.0.113.40';
    for (let i = 0; i < 5; i++) await tryLogin(administrator.email, 'no', from);
    const query = { outcome: 'refused' as const, action: 'session.create', scope: 'organisation' as const };
    const entries = await until(
      'the refusal is written',
      async () => (await plane.admin.call('audit.listAll', { query })).items.filter((e) => e.detail['source'] === from),
      (found) => found.length > 0,
    );
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ actor: { kind: 'user', name: administrator.email }, project: null });
    await plane.stop();
    await plane.startAgain();
    const after = (await plane.admin.call('audit.listAll', { query })).items.filter((e) => e.detail['source'] === from);
    expect(after.map((e) => e.detail['count'])).toEqual([4, undefined]);
  });
});
