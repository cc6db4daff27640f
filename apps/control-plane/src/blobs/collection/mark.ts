/**
 * Writes down what is used: a temporary table of (project, digest), on one connection. It refuses where it cannot read what
 * names blobs, for what it did not see it would take for unused.
 */
import { createHash } from 'node:crypto';
import type { BlobStore } from '@verge/blobs';
import { ArtifactManifest, DatasetFile, parseDatasetText } from '@verge/contracts';
import type { Client } from 'pg';
import { z } from 'zod';
import { roots } from './roots.js';

/** What names blobs cannot be read: nothing is collected. The message says what. */
export class MarkRefused extends Error {
  override readonly name = 'MarkRefused';
}

const ROWS_AT_A_TIME = 10_000;
const MANIFESTS_AT_A_TIME = 200;

export async function mark(client: Client, store: BlobStore): Promise<void> {
  await client.query('CREATE TEMP TABLE used (project_id uuid, digest text, PRIMARY KEY (project_id, digest))');
  await checkManifests(client);
  for (const { sql } of roots) {
    await client.query(`INSERT INTO used SELECT project_id, digest FROM (${sql}) AS named ON CONFLICT DO NOTHING`);
  }
  await markFiles(client, store);
  await client.query('CREATE INDEX ON used (digest)');
  await client.query('ANALYZE used');
}

/** The statement over manifests finds digests in any text; this asks that they are the manifests that they should be. */
async function checkManifests(client: Client): Promise<void> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const { rows } = await client.query<{ id: string; manifest: unknown }>(
      `SELECT id, manifest FROM artifacts WHERE id > $1 ORDER BY id LIMIT ${MANIFESTS_AT_A_TIME}`,
      [after],
    );
    for (const { id, manifest } of rows) {
      const parsed = ArtifactManifest.safeParse(manifest);
      if (!parsed.success)
        throw new MarkRefused(`the manifest of the artifact ${id} cannot be read: ${wrong(parsed.error)}`);
    }
    if (rows.length < MANIFESTS_AT_A_TIME) return;
    after = rows.at(-1)!.id;
  }
}

interface ListedDataset {
  id: string;
  name: string;
  project_id: string;
  slug: string;
  digest: string;
}

async function markFiles(client: Client, store: BlobStore): Promise<void> {
  const { rows } = await client.query<ListedDataset>(
    `SELECT d.id, d.name, d.project_id, p.slug, d.digest FROM datasets d JOIN projects p ON p.id = d.project_id`,
  );
  for (const dataset of rows) {
    try {
      for await (const digests of filesOf(client, store, dataset)) {
        await client.query('INSERT INTO used SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING', [
          dataset.project_id,
          digests,
        ]);
      }
    } catch (cause) {
      const { name, slug } = dataset;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new MarkRefused(`the files of the data set ${name} of ${slug} cannot be read: ${reason}`, { cause });
    }
  }
}

/** Digests of its files, some thousands at a time: from its list, or from its row where that is older than lists are. */
async function* filesOf(client: Client, store: BlobStore, dataset: ListedDataset): AsyncGenerator<string[]> {
  if (await store.stat(dataset.digest)) return yield* linesOf(store, dataset.digest);
  const { rows } = await client.query<{ files: unknown }>('SELECT files FROM datasets WHERE id = $1', [dataset.id]);
  // Deleted since: then it uses nothing.
  if (rows.length === 0) return;
  const files = z.array(DatasetFile).min(1, 'its list is not in the store').parse(rows[0]!.files);
  for (let i = 0; i < files.length; i += ROWS_AT_A_TIME) {
    yield files.slice(i, i + ROWS_AT_A_TIME).map(({ digest }) => digest);
  }
}

async function* linesOf(store: BlobStore, digest: string): AsyncGenerator<string[]> {
  const hash = createHash('sha256');
  let rest = Buffer.alloc(0);
  let found: string[] = [];
  for await (const chunk of (await store.get(digest)) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    rest = Buffer.concat([rest, chunk]);
    const end = rest.lastIndexOf(0x0a) + 1;
    if (end === 0) continue;
    found.push(...parseDatasetText(rest.toString('utf8', 0, end)).map((file) => file.digest));
    rest = rest.subarray(end);
    if (found.length >= ROWS_AT_A_TIME) {
      yield found;
      found = [];
    }
  }
  yield found;
  const is = `sha256:${hash.digest('hex')}`;
  if (is !== digest || rest.length > 0) throw new Error(`its list has other content than its digest says (${is})`);
}

const wrong = (error: z.ZodError): string =>
  error.issues
    .map((issue) => `/${issue.path.join('/')}: ${issue.message}`)
    .join('; ')
    .slice(0, 500);
