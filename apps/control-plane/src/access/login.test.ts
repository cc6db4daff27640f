/** How often a password may be wrong: in parallel, over several control planes and restarts, and from behind proxies. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '@verge/contracts';
import { administrator, Plane } from '../../test/plane.js';
import type { ControlPlane } from '../index.js';
import { startControlPlane } from '../index.js';
import { Slots } from './hash-slots.js';
import { loginLimits } from './login-throttle.js';

let plane: Plane;
let second: ControlPlane;
beforeAll(async () => {
  plane = await Plane.start({ VERGE_TRUSTED_PROXIES: 'loopback' });
  const { http, grpc } = plane.config;
  const ports = { http: { ...http, port: 0 }, grpc: { ...grpc, port: 0, enrollPort: 0 } };
  second = await startControlPlane({ ...plane.config, ...ports });
});
afterAll(async () => {
  await second.close();
  await plane.close();
});
beforeEach(() => plane.database.loginThrottle.deleteMany({}));

const tryLogin = async (email: string, password: string, from: string, url = plane.url): Promise<Response> =>
  await fetch(`${url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': from },
    body: JSON.stringify({ email, password }),
  });
const statuses = (responses: readonly Response[]): Record<number, number> =>
  responses.reduce<Record<number, number>>((n, { status }) => ({ ...n, [status]: (n[status] ?? 0) + 1 }), {});
/** 'wrong' gets an answer to its question; the others were not heard. */
const heard = (responses: readonly Response[]): number => responses.filter((r) => r.status === 401).length;

describe('wrong passwords', () => {
  it('get ten through of two hundred that come at once, at two control planes', async () => {
    const guesses = Array.from({ length: 200 }, (_, i) =>
      tryLogin(administrator.email, `guess ${i}`, `198.51.100.${i}`, i % 2 ? plane.url : second.httpUrl),
    );
    const responses = await Promise.all(guesses);
    expect(heard(responses)).toBeLessThanOrEqual(loginLimits.perAccount);
    for (const { status, headers } of responses.filter((r) => r.status !== 401)) {
      expect([429, 503]).toContain(status);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    const later: Response[] = [];
    for (let i = 0; i < loginLimits.perAccount; i++) later.push(await tryLogin(administrator.email, 'no', '192.0.2.1'));
    expect(heard([...responses, ...later])).toBe(loginLimits.perAccount);
    const right = await tryLogin(administrator.email, administrator.password, '192.0.2.2');
    expect(right.status).toBe(429);
    expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(60);
  });

  it('stay counted over a restart', async () => {
    for (let i = 0; i < loginLimits.perAccount; i++) await tryLogin('restart@example.org', 'no', '192.0.2.3');
    await plane.stop();
    await plane.startAgain();
    expect((await tryLogin('restart@example.org', 'no', '192.0.2.4')).status).toBe(429);
  });

  it('of an account are forgotten with a right one', async () => {
    for (let i = 0; i < loginLimits.perAccount - 1; i++) await tryLogin(administrator.email, 'no', '192.0.2.5');
    expect((await tryLogin(administrator.email, administrator.password, '192.0.2.5')).status).toBe(200);
    expect((await tryLogin(administrator.email, 'no', '192.0.2.5')).status).toBe(401);
  });

  it('slow one address down, and lock out nobody who is behind it or beside it', async () => {
    await plane.database.loginThrottle.create({
      data: { key: 'source:203.0.113.9', windowStartedAt: new Date(), failures: loginLimits.perSource },
    });
    for (let i = 0; i < loginLimits.perAccountFromSlowSource; i++) {
      expect((await tryLogin('spray@example.org', 'no', '203.0.113.9')).status).toBe(401);
    }
    expect((await tryLogin('spray@example.org', 'no', '203.0.113.9')).status).toBe(429);
    expect((await tryLogin('spray@example.org', 'no', '203.0.113.10')).status).toBe(401);
    expect((await tryLogin(administrator.email, administrator.password, '203.0.113.9')).status).toBe(200);
  });

  it('are counted by what the trusted proxy says, not by what the caller writes before it', async () => {
    const forged = (i: number): string => `10.0.0.${i}, 203.0.113.20`;
    for (let i = 0; i < 3; i++) await tryLogin(`forged-${i}@example.org`, 'no', forged(i));
    const rows = await plane.database.loginThrottle.findMany({ where: { key: { startsWith: 'source:' } } });
    expect(rows.map(({ key, failures }) => [key, failures])).toEqual([['source:203.0.113.20', 3]]);
  });

  it('that are many at once from one address leave room for another', async () => {
    const flood = Promise.all(
      Array.from({ length: 60 }, (_, i) => tryLogin(`flood-${i}@example.org`, 'no', '203.0.113.30')),
    );
    expect((await tryLogin(administrator.email, administrator.password, '203.0.113.31')).status).toBe(200);
    const counted = statuses(await flood);
    expect(Object.keys(counted).every((status) => ['401', '429', '503'].includes(status))).toBe(true);
    expect(counted[429]).toBeGreaterThan(0);
  });
});

describe("the present password, asked for to change one's own", () => {
  it('is guessed no more often than at a login, and ends the other sessions when it is right', async () => {
    const email = 'changer@example.org';
    const password = 'long enough 1';
    await plane.admin.call('users.create', { body: { email, name: 'C', password } });
    const login = async (with_ = password) =>
      createClient({
        baseUrl: plane.url,
        token: (await createClient({ baseUrl: plane.url }).call('auth.login', { body: { email, password: with_ } }))
          .token,
      });
    const [one, other] = [await login(), await login()];
    const wrong = one.call('auth.changePassword', { body: { current: 'not this', password: 'long enough 2' } });
    await expect(wrong).rejects.toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ field: '/current' }] });
    await one.call('auth.changePassword', { body: { current: password, password: 'long enough 2' } });
    await expect(other.call('auth.me', {})).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect((await one.call('sessions.list', {})).items).toMatchObject([{ current: true }]);
    await expect(login()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    const next = await login('long enough 2');
    expect(await one.call('sessions.deleteOthers', {})).toEqual({ ended: 1 });
    await expect(next.call('auth.me', {})).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    for (let i = 0; i < loginLimits.perAccount; i++) {
      const guess = one.call('auth.changePassword', { body: { current: `guess ${i}`, password: 'long enough 3' } });
      await expect(guess).rejects.toMatchObject({ status: 422 });
    }
    const more = one.call('auth.changePassword', { body: { current: 'long enough 2', password: 'long enough 3' } });
    await expect(more).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });
});

describe('places for hashing', () => {
  it('are as many as was said, with a line of limited length before them', async () => {
    const slots = new Slots(2, 3);
    let [now, most] = [0, 0];
    const work = async (): Promise<void> => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
    };
    const all = await Promise.allSettled(Array.from({ length: 9 }, () => slots.run(work)));
    expect(most).toBe(2);
    expect(all.filter((r) => r.status === 'rejected')).toHaveLength(4);
    await expect(slots.run(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    await slots.run(work);
  });
});
