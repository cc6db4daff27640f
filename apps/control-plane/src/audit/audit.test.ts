/** The audit holds what was done and what was refused, within a bound, and keeps it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type Client } from '@verge/contracts';
import { Plane, until } from '../../test/plane.js';
import { RefusalWindow } from './refusal-window.js';

let plane: Plane;
let admin: Client;
const params = { project: 'plant' };
beforeAll(async () => {
  plane = await Plane.start();
  admin = plane.admin;
  await admin.call('projects.create', { body: { slug: 'plant', name: 'Plant' } });
});
afterAll(() => plane.close());

const refused = async (action: string) =>
  await until(
    `a refusal of ${action}`,
    async () => (await admin.call('audit.listAll', { query: { outcome: 'refused', action } })).items,
    (items) => items.length > 0,
  );

describe('what was refused', () => {
  it('is in the audit of the project, by whom, what and why', async () => {
    const viewer = await admin.call('tokens.create', { body: { name: 'v', project: 'plant', role: 'viewer' } });
    const client = createClient({ baseUrl: plane.url, token: viewer.token });
    for (let i = 0; i < 3; i++) {
      await client.call('groups.create', { params, body: { name: 'x' } }).catch(() => undefined);
    }
    const entries = await refused('group.create');
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      project: 'plant',
      actor: { kind: 'token', id: viewer.id },
      detail: { operation: 'groups.create', reason: 'this needs the role operator; yours is viewer' },
    });
    const seen = await client.call('audit.list', { params, query: { outcome: 'refused' } });
    expect(seen.items.map((e) => e.id)).toEqual(entries.map((e) => e.id));
  });

  it('names an expired token, and nobody for a false one', async () => {
    const old = await admin.call('tokens.create', { body: { name: 'old' } });
    await plane.database.apiToken.update({ where: { id: old.id }, data: { expiresAt: new Date(0) } });
    for (const token of [old.token, 'vga_false']) {
      await createClient({ baseUrl: plane.url, token })
        .call('datasets.list', { params })
        .catch(() => undefined);
    }
    const entries = await until(
      'both refusals',
      () => refused('dataset.list'),
      (items) => items.length === 2,
    );
    expect(entries.map((e) => e.actor.kind).sort()).toEqual(['anonymous', 'token']);
  });

  it('is bounded: kinds beyond a number are counted, and proven callers are not crowded out', () => {
    const window = new RefusalWindow<number>();
    const written = Array.from({ length: 500 }, (_, i) => window.count('unproven', `u${i}`, i)).filter(Boolean);
    expect(written).toHaveLength(50);
    expect(window.count('proven', 'p', -1)).toBe(true);
    for (let i = 0; i < 7; i++) expect(window.count('proven', 'p', -1)).toBe(false);
    expect(window.close()).toEqual({ repeated: [{ of: -1, count: 7 }], uncounted: 450 });
    expect(window.count('unproven', 'u499', 499)).toBe(true);
  });
});

describe('the audit of all', () => {
  it('shows what belongs to no project, to administrators', async () => {
    const { items } = await admin.call('audit.listAll', { query: { scope: 'organisation' } });
    expect(items.every((e) => e.project === null)).toBe(true);
    expect(items.map((e) => e.action)).toContain('session.create');
    const member = await plane.member('plant', 'admin');
    await expect(member.call('audit.listAll', {})).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('keeps the entries of a project that was deleted', async () => {
    const { id } = await admin.call('projects.create', { body: { slug: 'gone', name: 'Gone' } });
    await plane.database.project.delete({ where: { id } });
    const { items } = await admin.call('audit.listAll', { query: { action: 'project.create' } });
    expect(items.find((e) => e.subject?.id === id)).toMatchObject({ project: id });
  });

  it('is filtered by what is typed, in which % and _ mean themselves', async () => {
    const list = async (query: { actor?: string; action?: string }) =>
      (await admin.call('audit.listAll', { query })).items.length;
    expect(await list({ actor: 'admin@example' })).toBeGreaterThan(0);
    expect(await list({ action: 'session' })).toBeGreaterThan(0);
    for (const literal of ['%', '_', 'admin_example', 'admin%', '\\']) expect(await list({ actor: literal })).toBe(0);
    for (const literal of ['%', 'sess_on', 's%']) expect(await list({ action: literal })).toBe(0);
    await expect(admin.call('devices.list', { params, query: { q: '%' } })).resolves.toMatchObject({ items: [] });
  });
});

describe('an entry', () => {
  it('is neither changed nor deleted, but by the retention', async () => {
    const { pool } = plane.database;
    for (const sql of [
      `UPDATE audit_entries SET actor_name = 'nobody'`,
      'DELETE FROM audit_entries',
      'TRUNCATE audit_entries',
    ]) {
      await expect(pool.query(sql)).rejects.toMatchObject({ code: '42501' });
    }
    const client = await pool.connect();
    try {
      await client.query(`BEGIN; SET LOCAL verge.retention = 'on'`);
      await expect(client.query(`UPDATE audit_entries SET actor_name = 'x'`)).rejects.toMatchObject({ code: '42501' });
      await client.query(`ROLLBACK; BEGIN; SET LOCAL verge.retention = 'on'`);
      expect((await client.query('DELETE FROM audit_entries')).rowCount).toBeGreaterThan(0);
      await client.query('ROLLBACK');
      await expect(client.query('DELETE FROM audit_entries')).rejects.toMatchObject({ code: '42501' });
    } finally {
      client.release();
    }
  });
});
