import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { utimes } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, type BlobStore } from '@verge/blobs';
import type { Client } from '@verge/contracts';
import { administrator, Plane, until } from '../../../test/plane.js';
import { Collector, type Found } from './collector.js';
import { needNoBlob, roots } from './roots.js';

let plane: Plane;
let api: Client & { token: string };
const params = { project: 'plant' };
beforeAll(async () => {
  plane = await Plane.start();
  api = await plane.member('plant');
});
afterAll(() => plane.close());

async function collect(options: { graceMs?: number; dryRun?: boolean; store?: BlobStore } = {}): Promise<Found> {
  const { graceMs = 0, dryRun = false, store = plane.blobs } = options;
  const collector = await Collector.open({ databaseUrl: plane.database.url, store, graceMs, stopping: () => false });
  try {
    await collector.run(dryRun);
    return collector.found;
  } finally {
    await collector.close();
  }
}
const send = async (text: string): Promise<{ digest: string; bytes: number }> => {
  const raw = Buffer.from(text);
  return await api.call('blobs.put', { params: { ...params, digest: digestOf(raw) }, raw });
};
const stored = async (): Promise<Set<string>> => {
  const found = new Set<string>();
  for await (const { digest } of plane.blobs.list()) found.add(digest);
  return found;
};
const refusalOf = async (call: Promise<unknown>): Promise<{ status?: number; code?: string; message: string }> =>
  await call.then(
    () => expect.fail('expected a refusal'),
    (error: Error) => error,
  );
const addDataset = async (name: string, texts: readonly string[]): Promise<string> => {
  const files = [];
  for (const text of texts) files.push({ path: `${text}.csv`, ...(await send(text)) });
  return (await api.call('datasets.create', { params, body: { name, format: 'csv', files } })).id;
};
const addVersion = async (model: string, text: string): Promise<string> => {
  await api.call('models.create', { params, body: { name: model } }).catch(() => undefined);
  const tensor = { name: 'x', dtype: 'float32' as const, shape: [-1, 4] };
  const body = { digest: (await send(text)).digest, inputs: [tensor], outputs: [{ ...tensor, name: 'y' }] };
  return (await api.call('versions.import', { params: { ...params, model }, body })).id;
};

/** A generator of numbers that gives the same sequence for the same seed (mulberry32). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Every blob that something there uses, by what the API says. */
async function used(): Promise<Set<string>> {
  const digests = new Set<string>();
  for (const { id, digest } of (await api.call('datasets.list', { params, query: { limit: 500 } })).items) {
    digests.add(digest);
    const { items } = await api.call('datasets.files', { params: { ...params, dataset: id }, query: { limit: 500 } });
    for (const file of items) digests.add(file.digest);
  }
  for (const { digest } of (await api.call('versions.list', { params, query: { limit: 500 } })).items)
    digests.add(digest);
  return digests;
}

it('every column of the database that names a digest is looked at, or needs no blob', async () => {
  const { rows } = await plane.database.pool.query<{ name: string }>(
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
     WHERE table_schema = 'public' AND (column_name LIKE '%digest%' OR data_type IN ('json', 'jsonb'))
       AND table_name NOT LIKE 'bullmq%'`,
  );
  const known = new Set([...roots.flatMap(({ columns }) => columns), ...needNoBlob]);
  expect(rows.map(({ name }) => name).filter((name) => !known.has(name))).toEqual([]);
});

const full = process.env['VERGE_TEST_FULL'] !== undefined;
const seeds = full ? [1, 2, 3, 4, 5, 6, 7, 8] : [1];
describe.each(seeds)('a random history (%i)', (seed) => {
  it('loses nothing that is used, and frees all that is not', async () => {
    const next = numbers(seed);
    const text = (): string => `content ${seed} ${next(40)}`;
    const datasets: string[] = [];
    const versions: string[] = [];
    const steps: (() => Promise<unknown>)[] = [
      () => send(text()),
      async () => datasets.push(await addDataset(`set-${seed}-${next(1e9)}`, [...new Set([text(), text(), text()])])),
      async () => versions.push(await addVersion('net', text())),
      async () => {
        const [dataset] = datasets.splice(next(datasets.length || 1), 1);
        if (dataset) await api.call('datasets.delete', { params: { ...params, dataset } });
      },
      async () => {
        const [version] = versions.splice(next(versions.length || 1), 1);
        if (version) await api.call('versions.delete', { params: { ...params, version } });
      },
      async () => {
        const look = await collect({ dryRun: true });
        const before = await stored();
        const { freed } = await collect();
        expect(freed).toEqual(look.freed);
        expect(before.size - (await stored()).size).toBe(freed.blobs);
        expect(await stored()).toEqual(await used());
      },
    ];
    for (let i = 0; i < (full ? 80 : 40); i++) await steps[next(steps.length)]!();
    for (const dataset of datasets) await api.call('datasets.delete', { params: { ...params, dataset } });
    for (const version of versions) await api.call('versions.delete', { params: { ...params, version } });
    await collect();
    expect(await stored()).toEqual(new Set());
    expect(await plane.database.blobReference.count()).toBe(0);
    expect(await plane.database.condemnedBlob.count()).toBe(0);
  });
});

describe('while others work', () => {
  it('loses nothing of what is sent, asked about and used at the same time', async () => {
    const graceMs = 1500;
    let working = true;
    const collecting = (async () => {
      for (let runs = 0; working || runs < 3; runs++) await collect({ graceMs });
    })();
    const one = async (who: number): Promise<void> => {
      const next = numbers(who + 100);
      for (let round = 0; round < (full ? 30 : 5); round++) {
        // All of them send the same few contents again and again.
        const texts = [...new Set([0, 1, 2].map(() => `shared ${next(12)}`))];
        const id = await addDataset(`busy-${who}-${round}`, texts);
        const listed = await api.call('datasets.files', { params: { ...params, dataset: id }, query: {} });
        for (const { digest } of listed.items) expect(await plane.blobs.stat(digest), digest).not.toBeNull();
        if (next(2)) await api.call('datasets.delete', { params: { ...params, dataset: id } });
      }
    };
    await Promise.all([1, 2, 3, 4].map(one));
    working = false;
    await collecting;
    const needed = await used();
    const there = await stored();
    expect([...needed].filter((digest) => !there.has(digest))).toEqual([]);
    for (const { id } of (await api.call('datasets.list', { params, query: { limit: 500 } })).items) {
      await api.call('datasets.delete', { params: { ...params, dataset: id } });
    }
    await collect();
    expect(await stored()).toEqual(new Set());
  });

  it('leaves what was asked about a while ago, and what was sent before a long training ends', async () => {
    const { database } = plane;
    const asked = await send('asked about');
    const forgotten = await send('forgotten');
    const longAgo = new Date(Date.now() - 3 * 24 * 3_600_000);
    await database.blobReference.updateMany({ data: { touchedAt: longAgo } });
    const digests = [asked.digest];
    expect((await api.call('blobs.missing', { params, body: { digests } })).missing).toEqual([]);
    const graceMs = 3_600_000;
    // The store's own times are those of this moment: the references alone are old.
    const { young, givenUp } = await collect({ graceMs });
    expect([young.blobs, givenUp]).toEqual([2, 1]);
    expect((await api.call('blobs.missing', { params, body: { digests: [forgotten.digest] } })).missing).toHaveLength(
      1,
    );
    // A worker stores what nothing refers to before its result is in.
    const project = await database.project.findUniqueOrThrow({ where: { slug: 'plant' } });
    const data = { projectId: project.id, kind: 'train', payload: {}, createdBy: 'test' } as const;
    const job = await database.job.create({ data: { ...data, createdAt: longAgo } });
    const { digest } = await plane.blobs.put(Buffer.from('weights so far'));
    await collect();
    expect(await plane.blobs.stat(digest)).not.toBeNull();
    await database.job.delete({ where: { id: job.id } });
    await collect();
    expect(await plane.blobs.stat(digest)).toBeNull();
  });
});

describe('a run', () => {
  it('keeps what it condemns for the time of grace, and lets it go when somebody sends it again', async () => {
    await collect();
    const [orphan, wanted] = [
      await plane.blobs.put(Buffer.from('condemned')),
      await plane.blobs.put(Buffer.from('wanted')),
    ];
    const rest = (digest: string): string => digest.slice('sha256:'.length + 2);
    const longAgo = new Date(Date.now() - 3 * 24 * 3_600_000);
    const age = async (digest: string): Promise<void> => {
      const hex = digest.slice('sha256:'.length);
      await utimes(`${plane.config.dataDir}/blobs/sha256/${hex.slice(0, 2)}/${rest(digest)}`, longAgo, longAgo);
    };
    await age(orphan.digest);
    await age(wanted.digest);
    const graceMs = 3_600_000;
    expect(await collect({ graceMs })).toMatchObject({ young: { blobs: 2 }, freed: { blobs: 0 } });
    expect(await plane.database.condemnedBlob.count()).toBe(2);
    await send('wanted');
    expect(await plane.database.condemnedBlob.count()).toBe(1);
    await plane.database.condemnedBlob.updateMany({ data: { condemnedAt: longAgo } });
    expect(await collect({ graceMs, dryRun: true })).toMatchObject({ freed: { blobs: 1, bytes: 9 } });
    expect(await collect({ graceMs })).toMatchObject({ young: { blobs: 1 }, freed: { blobs: 1, bytes: 9 } });
    expect([await plane.blobs.stat(orphan.digest), (await plane.blobs.stat(wanted.digest))?.bytes]).toEqual([null, 6]);
    await collect();
  });

  it('refuses to delete anything when it cannot read what names blobs, and says what', async () => {
    const id = await addDataset('unreadable', ['a row']);
    const garbage = await send('garbage');
    const { digest } = await plane.database.dataset.findUniqueOrThrow({ where: { id } });
    const list = Buffer.from(await plane.blobs.read(digest));
    await plane.blobs.delete(digest);
    const refusal = await refusalOf(collect());
    expect([refusal.constructor.name, refusal.message]).toEqual([
      'MarkRefused',
      expect.stringMatching(/data set unreadable of plant cannot be read: .*its list is not in the store/s),
    ]);
    expect(await plane.blobs.stat(garbage.digest)).not.toBeNull();
    await plane.blobs.put(list);
    const project = await plane.database.project.findUniqueOrThrow({ where: { slug: 'plant' } });
    const foreign = { projectId: project.id, modelId: (await api.call('models.list', { params })).items[0]!.id };
    const versionId = await addVersion('net', 'of the artifact');
    const job = await plane.database.job.create({
      data: { projectId: foreign.projectId, kind: 'compress', state: 'succeeded', payload: {}, createdBy: 'test' },
    });
    const recipe = await plane.database.recipe.create({ data: { projectId: project.id, name: 'r', recipe: {} } });
    const refs = { versionId, datasetId: id, recipeId: recipe.id, target: {} };
    await plane.database.compression.create({ data: { id: job.id, ...refs } });
    const artifact = await plane.database.artifact.create({
      data: {
        projectId: project.id,
        versionId,
        compressionId: job.id,
        deviceClass: 'x64',
        recipe: 'r',
        targetPath: 'p',
        manifestDigest: garbage.digest,
        manifestBytes: 1,
        manifest: { files: 'none' },
        report: {},
        offered: true,
        bytes: 1,
      },
    });
    expect((await refusalOf(collect())).message).toContain(
      `the manifest of the artifact ${artifact.id} cannot be read`,
    );
    await plane.database.artifact.delete({ where: { id: artifact.id } });
    await plane.database.job.delete({ where: { id: job.id } });
    await api.call('versions.delete', { params: { ...params, version: versionId } });
    await api.call('datasets.delete', { params: { ...params, dataset: id } });
  });

  it('that is killed in the middle is gone on with by the next one', async () => {
    await collect();
    const id = await addDataset('kept', ['kept']);
    for (let i = 0; i < 120; i++) await plane.blobs.put(Buffer.from(`orphan ${i}`));
    const script = fileURLToPath(new URL('../../../test/slow-collection.mjs', import.meta.url));
    const folder = `${plane.config.dataDir}/blobs`;
    const child = spawn(process.execPath, [script, plane.database.url, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const left = (await stored()).size;
    expect(left).toBeGreaterThan(2);
    expect(left).toBeLessThan(122);
    // Its connection, and with that its lock, ends a moment after it.
    const found = await until(
      'the lock',
      () => collect().catch(() => null),
      (run) => run !== null,
    );
    expect(await stored()).toEqual(await used());
    expect(found!.freed.blobs).toBe(left - 2);
    expect(await plane.database.condemnedBlob.count()).toBe(0);
    await api.call('datasets.delete', { params: { ...params, dataset: id } });
  });

  it('is one at a time, in all control planes', async () => {
    const options = { databaseUrl: plane.database.url, store: plane.blobs, graceMs: 0, stopping: () => false };
    const collector = await Collector.open(options);
    await expect(Collector.open(options)).rejects.toMatchObject({ name: 'CollectionBusy' });
    const busy = await refusalOf(plane.admin.call('blobs.collect', { body: {} }));
    expect([busy.status, busy.code]).toEqual([409, 'STATE_CONFLICT']);
    await collector.close();
  });
});

it('is begun by administrators, who see what it freed', async () => {
  await collect();
  const kept = await addDataset('shown', ['one', 'two']);
  await plane.blobs.put(Buffer.from('an orphan of now'));
  const run = async (dryRun: boolean) => {
    const { id } = await plane.admin.call('blobs.collect', { body: { dryRun } });
    const of = { params: { collection: id } };
    return await until(
      'over',
      () => plane.admin.call('blobs.collection', of),
      (c) => c.state !== 'running',
    );
  };
  const look = await run(true);
  expect(look).toMatchObject({ dryRun: true, state: 'finished', requestedBy: administrator.email });
  // Everything is young: the time of grace is a day.
  expect([look.held.blobs, look.young.blobs, look.freed.blobs]).toEqual([4, 1, 0]);
  const usage = await plane.admin.call('blobs.usage', {});
  expect(usage).toMatchObject({ graceHours: 24, everyHours: 24, running: null, moreProjects: 0 });
  expect([usage.held.blobs, usage.projects[0]?.project, usage.collectable?.blobs]).toEqual([3, 'plant', 0]);
  const done = await run(false);
  expect(done).toMatchObject({ state: 'finished', freed: { blobs: 0 } });
  expect(await plane.admin.call('blobs.usage', {})).toMatchObject({ last: { id: done.id }, collectable: null });
  expect((await plane.admin.call('blobs.collections', {})).items.map(({ id }) => id)).toEqual([done.id, look.id]);
  const entries = await plane.admin.call('audit.listAll', { query: { action: 'blobs.collect' } });
  expect(entries.items.map(({ subject }) => subject?.id)).toContain(done.id);
  expect((await refusalOf(api.call('blobs.usage', {}))).status).toBe(403);
  await api.call('datasets.delete', { params: { ...params, dataset: kept } });
});
