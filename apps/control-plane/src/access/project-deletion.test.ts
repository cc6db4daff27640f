import { afterAll, beforeAll, expect, it } from 'vitest';
import { createClient, routeUrl, routes, type ApiError, type Client } from '@verge/contracts';
import { readEvents } from '../../test/events.js';
import { fillProject } from '../../test/many-rows.js';
import { administrator, Plane, until } from '../../test/plane.js';

let plane: Plane;
let api: Client & { token: string };
const params = { project: 'plant' };
beforeAll(async () => {
  plane = await Plane.start();
  api = await plane.member('plant', 'admin');
});
afterAll(() => plane.close());

const refusal = async (call: Promise<unknown>): Promise<ApiError> =>
  await call.then(
    () => expect.fail('expected a refusal'),
    (error: ApiError) => error,
  );
const remove = (query: { cascade?: 'true' | 'false'; confirm?: string } = {}, client: Client = plane.admin) =>
  client.call('projects.delete', { params, query });

/** Rows of every table with the project's identifier in it, and of the sums and records of its devices. */
async function rowsOf(projectId: string): Promise<Record<string, number>> {
  const { pool } = plane.database;
  const { rows: tables } = await pool.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.columns WHERE column_name = 'project_id' AND table_schema = 'public'
       AND table_name NOT IN ('audit_entries', 'removals')`,
  );
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${name} WHERE project_id = $1`, [
      projectId,
    ]);
    if (rows[0]!.n > 0) counts[name] = rows[0]!.n;
  }
  return counts;
}

it('goes by one word when it is empty, and its slug is free', async () => {
  const { id } = await plane.admin.call('projects.create', { body: { slug: 'hall', name: 'Hall' } });
  const removal = await plane.admin.call('projects.delete', { params: { project: 'hall' }, query: {} });
  expect(removal).toMatchObject({ kind: 'project', name: 'hall', requestedBy: administrator.email, finishedAt: null });
  expect((await refusal(plane.admin.call('projects.get', { params: { project: 'hall' } }))).status).toBe(404);
  expect((await refusal(plane.admin.call('projects.delete', { params: { project: 'hall' }, query: {} }))).status).toBe(
    404,
  );
  const again = await plane.admin.call('projects.create', { body: { slug: 'hall', name: 'Another' } });
  expect(again.id).not.toBe(id);
  await until(
    'deleted',
    () => plane.database.project.count({ where: { id } }),
    (n) => n === 0,
  );
});

it('is refused while anything is in it, which is counted, and needs its slug to go with all of it', async () => {
  const { id } = await plane.admin.call('projects.get', { params });
  await fillProject(plane.database, id, 40);
  const error = await refusal(remove());
  expect([error.status, error.code]).toEqual([409, 'IN_USE']);
  const counted = Object.fromEntries(error.holders.map(({ kind, total }) => [kind, total]));
  const { database } = plane;
  expect(counted).toMatchObject({
    dataset: await database.dataset.count(),
    model: await database.model.count(),
    version: await database.version.count(),
    artifact: await database.artifact.count(),
    release: await database.release.count(),
    rollout: await database.rollout.count(),
    device: 40,
  });
  for (const confirm of [undefined, 'office']) {
    const unconfirmed = await refusal(remove({ cascade: 'true', ...(confirm ? { confirm } : {}) }));
    expect([unconfirmed.status, unconfirmed.errors.map((e) => e.field)]).toEqual([422, ['?confirm']]);
  }
  const { token } = await plane.admin.call('tokens.create', {
    body: { name: 'o', project: 'plant', role: 'operator' },
  });
  const operator = createClient({ baseUrl: plane.url, token });
  expect((await refusal(remove({}, operator))).status).toBe(403);
});

it('is gone for everybody at once, and to the last row in time, across a restart', async () => {
  const { database } = plane;
  const { id } = await plane.admin.call('projects.get', { params });
  const other = await plane.member('office');
  await other.call('groups.create', { params: { project: 'office' }, body: { name: 'desk' } });
  const office = (await plane.admin.call('projects.get', { params: { project: 'office' } })).id;
  const [device] = await database.device.findMany({ where: { projectId: id, groupId: { not: null } }, take: 1 });
  await database.version.updateMany({
    where: { projectId: id, number: 2 },
    data: { teacherVersionId: (await database.version.findFirstOrThrow({ where: { projectId: id, number: 1 } })).id },
  });
  const sums = { records: 1, requests: 1, errors: 0, callerErrors: 0, loadErrors: 0, leftOut: 0 };
  const sketch = { latencySketch: Buffer.alloc(0), classes: [], features: [] };
  const of = { projectId: id, artifactDigest: 'sha256:1' };
  for (const scopeId of [id, device!.id, device!.groupId!]) {
    const key = { scope: 'project', scopeId, seconds: 60, at: new Date() };
    await database.telemetryRollup.create({ data: { ...of, ...key, ...sums, ...sketch, devices: Buffer.alloc(0) } });
  }
  const events = readEvents(plane.url + routeUrl(routes['events.stream'], params), api.token);
  await remove({ cascade: 'true', confirm: 'plant' });
  // Nobody sees any of it any more: not its members, not by its identifier, not in lists.
  for (const project of ['plant', id]) {
    expect((await refusal(plane.admin.call('devices.list', { params: { project } }))).status).toBe(404);
  }
  expect((await refusal(api.call('devices.list', { params }))).status).toBe(401);
  expect((await plane.admin.call('projects.list', {})).items.map((p) => p.slug)).not.toContain('plant');
  expect(await database.device.count({ where: { projectId: id, state: 'active' } })).toBe(0);
  expect(await database.deviceCertificate.count({ where: { device: { projectId: id }, revokedAt: null } })).toBe(0);
  await plane.stop();
  const left = await rowsOf(id);
  await plane.startAgain();
  // Work that is open is given time to be cancelled: here no worker has any.
  await database.removal.updateMany({
    where: { kind: 'project' },
    data: { createdAt: new Date(Date.now() - 700_000) },
  });
  const admin = createClient({
    baseUrl: plane.url,
    token: (await createClient({ baseUrl: plane.url }).call('auth.login', { body: administrator })).token,
  });
  const end = await until(
    'deleted to the last row',
    async () => (await admin.call('removals.list', {})).items.find((r) => r.name === 'plant' && r.kind === 'project'),
    (removal) => removal?.finishedAt !== null && removal !== undefined,
  );
  expect(Object.keys(left).length).toBeGreaterThan(5);
  expect(end!.removedRows).toBeGreaterThan(40);
  expect(await rowsOf(id)).toEqual({});
  expect(await database.project.count({ where: { id } })).toBe(0);
  expect(await database.telemetryRollup.count()).toBe(0);
  expect(await database.job.count()).toBe(0);
  expect(Object.keys(await rowsOf(office)).sort()).toEqual(['api_tokens', 'groups', 'memberships']);
  const entries = await admin.call('audit.listAll', { query: { action: 'project.delete' } });
  expect(entries.items.map(({ subject }) => subject?.name)).toContain('plant');
  expect(entries.items.map(({ project }) => project)).toContain(id);
  events.close();
});
