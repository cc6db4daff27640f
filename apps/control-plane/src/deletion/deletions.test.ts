import { Client as SqlClient } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type ApiError, type Client, type Holders } from '@verge/contracts';
import { updateTargets } from '@verge/trust/publish';
import { makeArtifacts, Publisher, type TestArtifact } from '../../test/fleet/artifacts.js';
import { TestControlPlane } from '../../test/fleet/control-plane.js';
import { MOST_NAMED } from './holders.js';
import { things, type Thing } from './holds.js';

let plane: TestControlPlane;
let api: Client;
let publisher: Publisher;
let projectId: string;
const params = { project: 'plant' };
beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  publisher = new Publisher(api, 'plant');
  projectId = (await plane.database.project.findUniqueOrThrow({ where: { slug: 'plant' } })).id;
});
afterAll(() => plane.close());

const refusal = async (call: Promise<unknown>): Promise<ApiError> =>
  await call.then(
    () => expect.fail('expected a refusal'),
    (error: ApiError) => error,
  );

/** The operations of each kind, by its one path parameter. */
const kinds = {
  dataset: 'datasets',
  model: 'models',
  version: 'versions',
  recipe: 'recipes',
  training: 'trainings',
  compression: 'compressions',
  evaluation: 'evaluations',
  artifact: 'artifacts',
  release: 'releases',
  rollout: 'rollouts',
  group: 'groups',
  device: 'devices',
} as const satisfies Record<Thing, string>;

const call = (client: Client, verb: 'get' | 'delete', kind: Thing, id: string, more = {}): Promise<unknown> => {
  const name = `${kinds[kind]}.${verb}` as 'datasets.delete';
  return client.call(name, { params: { ...params, [kind]: id } as never, ...more });
};
const remove = (kind: Thing, id: string, client = api): Promise<unknown> => call(client, 'delete', kind, id);
const total = async (kind: Thing): Promise<number> =>
  (await api.call(`${kinds[kind]}.list` as 'datasets.list', { params })).total;
const heldBy = (holders: readonly Holders[]): [string, string[]][] =>
  holders.map(({ kind, total, more, items }) => {
    expect(total).toBe(items.length + more);
    return [kind, items.map((item) => item.name).sort()];
  });

async function job(kind: 'train' | 'compress' | 'evaluate', state: 'succeeded' | 'running' = 'succeeded') {
  const data = { projectId, kind, state, payload: {}, createdBy: 'test' };
  return (await plane.database.job.create({ data })).id;
}
const config = { model: { architecture: 'digits-teacher', params: {} }, epochs: 1, optimizer: { name: 'sgd' } };
const target = { name: 'x64', arch: 'x64', threads: 1, int8Activation: 'uint8', vnni: true };
const recipe = { name: 'int8', passes: [{ pass: 'fold' }], budget: {} };

/** One of everything, each held by what was made from it. */
async function makeAll(): Promise<Record<Thing, string> & { made: TestArtifact; student: string }> {
  const { database } = plane;
  const [made] = await makeArtifacts(plane, params);
  const artifact = await database.artifact.update({
    where: { id: made!.id },
    data: { report: await reportOf() },
    include: { version: true, compression: true },
  });
  const { compressionId: compression, versionId: version } = artifact;
  const { datasetId: dataset } = artifact.compression;
  const recipeId = artifact.compression.recipeId!;
  const { modelId: model } = artifact.version;
  await database.compression.update({ where: { id: compression }, data: { target } });
  await database.recipe.update({ where: { id: recipeId }, data: { recipe: { ...recipe, budget: budget } } });
  const training = await job('train');
  await database.training.create({
    data: { id: training, name: 'first run', modelId: model, datasetId: dataset, config },
  });
  const metrics = { measurement: null, validation: null, test: null };
  await database.version.update({
    where: { id: version },
    data: { trainingId: training, datasetId: dataset, metrics },
  });
  const { lastVersion: number } = await database.model.update({
    where: { id: model },
    data: { lastVersion: { increment: 1 } },
  });
  const { id: _, trainingId: __, ...like } = await database.version.findUniqueOrThrow({ where: { id: version } });
  const columns = { inputs: [], outputs: [], labels: [], preprocess: undefined, metrics, number };
  const student = await database.version.create({ data: { ...like, ...columns, teacherVersionId: version } as never });
  const evaluation = await job('evaluate');
  await database.evaluation.create({ data: { id: evaluation, versionId: version, datasetId: dataset, threads: 1 } });
  const release = await publisher.release('first', [made!]);
  const group = await api.call('groups.create', { params, body: { name: 'line' } });
  const device = await database.device.create({
    data: {
      projectId,
      name: 'press',
      deviceClass: 'x64',
      groupId: group.id,
      certificateExpiresAt: new Date(),
      desiredArtifactId: made!.id,
    },
  });
  const body = { name: 'roll', release: 'first', group: 'line' };
  const rollout = await api.call('rollouts.create', { params, body });
  await database.rollout.update({ where: { id: rollout.id }, data: { state: 'running' } });
  const ids = { dataset, model, version, recipe: recipeId, training, compression, evaluation, artifact: artifact.id };
  return {
    ...ids,
    release: release.id,
    rollout: rollout.id,
    group: group.id,
    device: device.id,
    made: made!,
    student: student.id,
  };
}

const budget = { maxAccuracyDropPoints: 1, maxLatencyRatio: 1, maxSizeRatio: 1 };
async function reportOf() {
  const { measurement } = { measurement: measurementOf() };
  const schema = 'verge.compression-report/1';
  const sides = { before: measurement, after: measurement };
  return { schema, recipe: 'int8', target, ...sides, passes: [], offered: true, reasons: [] };
}
const measurementOf = () => ({
  bytes: 1,
  parameters: 1,
  macs: 1,
  accuracy: 0.9,
  samples: 1,
  p50Ms: 1,
  p95Ms: 1,
  peakRssBytes: 1,
  threads: 1,
  runs: 1,
  machine: 'test',
});

describe('one of everything', () => {
  let all: Awaited<ReturnType<typeof makeAll>>;
  beforeAll(async () => {
    all = await makeAll();
  });

  const everyHolder: Partial<Record<Thing, [string, string[]][]>> = {
    dataset: [
      ['training', ['first run']],
      ['version', ['digits@1', 'digits@2']],
      ['compression', ['digits@1 int8']],
      ['evaluation', ['digits@1 on digits']],
    ],
    model: [
      ['version', ['digits@1', 'digits@2']],
      ['training', ['first run']],
    ],
    version: [
      ['version', ['digits@2']],
      ['compression', ['digits@1 int8']],
      ['evaluation', ['digits@1 on digits']],
      ['artifact', ['digits@1/x64']],
      ['rollout', ['roll']],
    ],
    recipe: [['compression', ['digits@1 int8']]],
    training: [['version', ['digits@1']]],
    compression: [['artifact', ['digits@1/x64']]],
    group: [
      ['device', ['press']],
      ['rollout', ['roll']],
    ],
  };

  it.each(Object.keys(everyHolder) as Thing[])(
    'a %s is refused, and everything that holds it is named',
    async (kind) => {
      const error = await refusal(remove(kind, all[kind]));
      expect([error.status, error.code]).toEqual([409, 'IN_USE']);
      expect(heldBy(error.holders)).toEqual(everyHolder[kind]);
      for (const { items } of error.holders) for (const item of items) expect(error.message).toContain(item.name);
      await call(api, 'get', kind, all[kind]);
    },
  );

  it('an artifact is held by releases, signed targets, open rollouts and devices; a release by the last three', async () => {
    const { path } = all.made.target;
    const ofArtifact = await refusal(remove('artifact', all.artifact));
    expect(heldBy(ofArtifact.holders)).toEqual([
      ['release', ['first']],
      ['target', [path]],
      ['rollout', ['roll']],
      ['device', ['press']],
    ]);
    const ofRelease = await refusal(remove('release', all.release));
    expect(heldBy(ofRelease.holders)).toEqual([
      ['rollout', ['roll']],
      ['target', [path]],
      ['device', ['press']],
    ]);
  });

  it('work that is not over must be cancelled first, and so must a rollout', async () => {
    const id = await job('evaluate', 'running');
    const refs = { versionId: all.version, datasetId: all.dataset };
    await plane.database.evaluation.create({ data: { id, ...refs, threads: 1 } });
    const error = await refusal(remove('evaluation', id));
    expect([error.status, error.code, error.message]).toEqual([
      409,
      'STATE_CONFLICT',
      expect.stringContaining('cancel'),
    ]);
    expect((await refusal(remove('rollout', all.rollout))).code).toBe('STATE_CONFLICT');
    await plane.database.job.delete({ where: { id } });
  });

  it('names the first of many holders, and counts them all', async () => {
    const many = Array.from({ length: MOST_NAMED + 7 }, (_, n) => `spare-${String(n).padStart(3, '0')}`);
    const { id: groupId } = await api.call('groups.create', { params, body: { name: 'spares' } });
    const device = { projectId, deviceClass: 'x64', groupId, certificateExpiresAt: new Date() };
    await plane.database.device.createMany({ data: many.map((name) => ({ ...device, name })) });
    const [holders] = (await refusal(remove('group', groupId))).holders;
    expect(holders).toMatchObject({ kind: 'device', total: MOST_NAMED + 7, more: 7 });
    expect(holders!.items).toHaveLength(MOST_NAMED);
    await plane.database.device.deleteMany({ where: { groupId } });
    await remove('group', groupId);
  });

  it('is let go by operators of its project alone', async () => {
    const { token } = await plane.api.call('tokens.create', { body: { name: 'v', project: 'plant', role: 'viewer' } });
    const viewer = createClient({ baseUrl: plane.api.baseUrl, token });
    const other = await plane.project('office');
    for (const kind of things) {
      expect((await refusal(remove(kind, all[kind], viewer))).status, kind).toBe(403);
      const elsewhere = { params: { project: 'office', [kind]: all[kind] } as never };
      const name = `${kinds[kind]}.delete` as 'datasets.delete';
      expect((await refusal(other.call(name, elsewhere))).status, kind).toBe(404);
    }
  });

  it('goes from what was made last to what it was made from: gone from lists and totals, and only once', async () => {
    const { database } = plane;
    const { rollout, device } = all;
    await api.call('rollouts.cancel', { params: { ...params, rollout } });
    await gone('rollout', rollout);
    await gone('device', device);
    const withdraw = [{ path: all.made.target.path, reason: 'replaced' }];
    await publisher.publish((previous, keys) => updateTargets({ previous, keys, withdraw }));
    await gone('release', all.release);
    await gone('artifact', all.artifact);
    await gone('evaluation', all.evaluation);
    await gone('compression', all.compression);
    await gone('version', all.student);
    await gone('version', all.version);
    await gone('training', all.training);
    for (const kind of ['recipe', 'dataset', 'model', 'group'] as const) await gone(kind, all[kind]);
    const entries = await database.auditEntry.findMany({ where: { projectId, action: { endsWith: '.delete' } } });
    expect(new Set(entries.map((entry) => entry.action))).toEqual(new Set(things.map((kind) => `${kind}.delete`)));
    expect(await database.job.count()).toBe(0);
  });

  async function gone(kind: Thing, id: string): Promise<void> {
    const before = await total(kind);
    const state = { params: { ...params, [kind]: id } as never };
    const { etag } = await api.callWithETag(`${kinds[kind]}.get` as 'datasets.get', state);
    expect((await refusal(call(api, 'delete', kind, id, { ifMatch: '"another"' }))).status, kind).toBe(412);
    await call(api, 'delete', kind, id, { ifMatch: etag });
    expect(await total(kind), kind).toBe(before - 1);
    expect((await refusal(call(api, 'get', kind, id))).status, kind).toBe(404);
    expect((await refusal(remove(kind, id))).status, kind).toBe(404);
  }
});

describe('a reference that is made at the same moment', () => {
  const inSql = async (work: (client: SqlClient) => Promise<void>): Promise<void> => {
    const client = new SqlClient({ connectionString: plane.database.url });
    await client.connect();
    await work(client).finally(() => client.end());
  };
  const waiting = async (): Promise<void> => {
    for (let waits = 0; waits === 0; await new Promise((resolve) => setTimeout(resolve, 20))) {
      const { rows } = await plane.database.pool.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      waits = rows[0]!.n;
    }
  };

  it('comes first: the deletion waits for it, and names it', async () => {
    const { id } = await api.call('models.create', { params, body: { name: 'contested' } });
    await inSql(async (client) => {
      await client.query('BEGIN');
      await client.query(
        `INSERT INTO versions (id, project_id, model_id, number, digest, bytes, inputs, outputs, labels, origin, metrics)
         VALUES (gen_random_uuid(), $1, $2, 1, 'sha256:0', 1, '[]', '[]', '[]', 'imported', '{}')`,
        [projectId, id],
      );
      const deletion = refusal(remove('model', id));
      await waiting();
      await client.query('COMMIT');
      expect(heldBy((await deletion).holders)).toEqual([['version', ['contested@1']]]);
    });
    await plane.database.version.deleteMany({ where: { modelId: id } });
    await remove('model', id);
  });

  it('comes second: who makes it is told that the thing is gone', async () => {
    const { id } = await api.call('groups.create', { params, body: { name: 'contested' } });
    const device = await plane.database.device.create({
      data: { projectId, name: 'mover', deviceClass: 'x64', certificateExpiresAt: new Date() },
    });
    await inSql(async (client) => {
      await client.query('BEGIN');
      await client.query('DELETE FROM groups WHERE id = $1', [id]);
      const move = { params: { ...params, device: device.id }, body: { group: 'contested' } };
      const update = refusal(api.call('devices.update', move));
      await waiting();
      await client.query('COMMIT');
      expect(await update).toMatchObject({
        status: 409,
        code: 'CONFLICT',
        message: expect.stringContaining('deleted'),
      });
    });
  });

  it('many at once: no reference is left to what is gone', async () => {
    const { database } = plane;
    for (let round = 0; round < 12; round++) {
      const name = `busy-${round}`;
      const { id } = await api.call('groups.create', { params, body: { name } });
      const token = { deviceClass: 'x64', group: name };
      const outcomes = await Promise.allSettled([
        api.call('enrollment.create', { params, body: token }),
        remove('group', id),
        api.call('enrollment.create', { params, body: token }),
      ]);
      const there = await database.group.count({ where: { id } });
      const refused = outcomes.flatMap((o) => (o.status === 'rejected' ? [(o.reason as ApiError).status] : []));
      for (const status of refused) expect([404, 409]).toContain(status);
      expect(there === 0).toBe(outcomes[1]!.status === 'fulfilled');
      if (there === 1) expect(await database.enrollmentToken.count({ where: { groupId: id } })).toBeGreaterThan(0);
    }
  });
});
