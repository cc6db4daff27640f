/**
 * One run of the collection: mark what is used, give up references that nothing uses and nobody has touched for the time of grace,
 * condemn the blobs that nobody refers to, delete those that were condemned that long ago: so a backup that was begun before
 * something was deleted still finds its blobs. Each step can be cut off at any point and is right when it is begun anew.
 *
 * Nothing that is used is lost meanwhile. Whoever takes a reference touches it, and a row that was touched is not given up; whoever
 * refers to a condemned blob removes its row first, and a blob is deleted under the lock of that row (BlobReferences). Blobs
 * that a worker has stored are referred to only when its result has come in: none of them is older than the oldest work
 * that is not over.
 */
import type { BlobStore, StoredBlob } from '@verge/blobs';
import type { Client } from 'pg';
import { GuardedClient } from '../../database/guarded-client.js';
import { mark } from './mark.js';
import { isOfUse, oldestOpenWork } from './roots.js';

export interface CollectorOptions {
  readonly databaseUrl: string;
  readonly store: BlobStore;
  readonly graceMs: number;
  /** Looked at between the parts of a run. */
  readonly stopping: () => boolean;
}

export interface Sum {
  blobs: number;
  bytes: number;
}

export interface Found {
  /** In the store. */
  readonly held: Sum;
  /** Used by nothing, and kept for the time of grace. */
  readonly young: Sum;
  /** Deleted, or what would be. */
  readonly freed: Sum;
  givenUp: number;
}

/** Another control plane, or another request, is at it. */
export class CollectionBusy extends Error {
  override readonly name = 'CollectionBusy';
}
/** It was told to stop; what it has done is done, and the next run goes on. */
export class CollectionStopped extends Error {
  override readonly name = 'CollectionStopped';
}

const collectLock = 0x7665_7263;
const REFERENCES_AT_A_TIME = 5000;
const BLOBS_AT_A_TIME = 500;
const DELETED_AT_A_TIME = 50;

const none = (): Sum => ({ blobs: 0, bytes: 0 });

export class Collector {
  readonly found: Found = { held: none(), young: none(), freed: none(), givenUp: 0 };
  /** Moments, by the database's clock: references that were touched before it, and blobs that were stored before it, may go. */
  private touchedBefore = new Date(0);
  private storedBefore = new Date(0);

  private constructor(
    private readonly client: Client,
    private readonly options: CollectorOptions,
  ) {}

  /** On a connection of its own, which holds the lock until `close`. @throws CollectionBusy */
  static async open(options: CollectorOptions): Promise<Collector> {
    const client = new GuardedClient({
      connectionString: options.databaseUrl,
      application_name: 'verge-blobs',
      keepAlive: true,
    });
    await client.connect();
    const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1) AS mine', [collectLock]);
    if (rows[0]!.mine) return new Collector(client, options);
    await client.end();
    throw new CollectionBusy('another collection of blobs is under way');
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }

  /** @throws MarkRefused; CollectionStopped */
  async run(dryRun: boolean): Promise<void> {
    // Before the mark: whatever is stored or touched from here on is young.
    await this.setBounds();
    await mark(this.client, this.options.store);
    if (dryRun) this.found.givenUp = await this.unusedReferences();
    else {
      // After the mark, which has asked whether manifests can be read.
      await this.client.query(`DELETE FROM packings p WHERE NOT (${isOfUse})`);
      await this.giveUpReferences();
    }
    await this.sortBlobs(dryRun);
    if (!dryRun) await this.deleteCondemned();
  }

  private async setBounds(): Promise<void> {
    const { rows } = await this.client.query<{ before: Date; since: Date | null }>(
      `SELECT clock_timestamp() - $1 * interval '1 millisecond' AS before, (${oldestOpenWork}) AS since`,
      [this.options.graceMs],
    );
    const { before, since } = rows[0]!;
    this.touchedBefore = before;
    this.storedBefore = since !== null && since < before ? since : before;
  }

  private async unusedReferences(): Promise<number> {
    const { rows } = await this.client.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM blob_references r WHERE ${isUnused}`,
      [this.touchedBefore],
    );
    return rows[0]!.n;
  }

  private async giveUpReferences(): Promise<void> {
    for (let count = -1; count !== 0; this.found.givenUp += count) {
      this.goOn();
      // A row that is touched at this moment is waited for, and looked at again.
      const { rowCount } = await this.client.query(
        `DELETE FROM blob_references WHERE (project_id, digest) IN (
           SELECT project_id, digest FROM blob_references r WHERE ${isUnused} ORDER BY digest LIMIT ${REFERENCES_AT_A_TIME})
         AND touched_at < $1`,
        [this.touchedBefore],
      );
      count = rowCount ?? 0;
    }
  }

  private async sortBlobs(dryRun: boolean): Promise<void> {
    let some: StoredBlob[] = [];
    const sort = async (): Promise<void> => {
      this.goOn();
      await this.sortSome(some, dryRun);
      some = [];
    };
    for await (const blob of this.options.store.list()) {
      some.push(blob);
      if (some.length === BLOBS_AT_A_TIME) await sort();
    }
    await sort();
  }

  private async sortSome(blobs: readonly StoredBlob[], dryRun: boolean): Promise<void> {
    const digests = blobs.map(({ digest }) => digest);
    const { rows } = await this.client.query<{ digest: string; used: boolean; referred: boolean; due: boolean }>(
      `SELECT digest, EXISTS (SELECT FROM used u WHERE u.digest = d.digest) AS used,
         EXISTS (SELECT FROM blob_references r WHERE r.digest = d.digest AND NOT (${isUnused})) AS referred,
         coalesce((SELECT c.condemned_at FROM condemned_blobs c WHERE c.digest = d.digest), now()) <= ${dueSince('$3')} AS due
       FROM unnest($2::text[]) AS d(digest)`,
      [this.touchedBefore, digests, this.options.graceMs],
    );
    const states = new Map(rows.map((row) => [row.digest, row]));
    const condemned: StoredBlob[] = [];
    for (const blob of blobs) {
      add(this.found.held, blob);
      const { used, referred, due } = states.get(blob.digest)!;
      if (used) continue;
      const spared = referred || blob.storedAt >= this.storedBefore;
      if (!spared) condemned.push(blob);
      if (spared || !due) add(this.found.young, blob);
      else if (dryRun) add(this.found.freed, blob);
    }
    if (!dryRun) await this.condemn(condemned);
  }

  /** Those of an earlier run that was cut off are condemned already. */
  private async condemn(blobs: readonly StoredBlob[]): Promise<void> {
    await this.client.query(
      `INSERT INTO condemned_blobs (digest, bytes) SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING`,
      [blobs.map(({ digest }) => digest), blobs.map(({ bytes }) => bytes)],
    );
  }

  private async deleteCondemned(): Promise<void> {
    for (let after = ''; ;) {
      this.goOn();
      const last = await this.deleteSome(after);
      if (last === null) return;
      after = last;
    }
  }

  /** @returns the last digest that was looked at; null when there are no more */
  private async deleteSome(after: string): Promise<string | null> {
    const { client } = this;
    await client.query('BEGIN');
    try {
      const { rows } = await client.query<{ digest: string; bytes: string }>(
        `SELECT digest, bytes FROM condemned_blobs WHERE digest > $1 AND condemned_at <= ${dueSince('$2')}
         ORDER BY digest LIMIT ${DELETED_AT_A_TIME} FOR UPDATE`,
        [after, this.options.graceMs],
      );
      const digests = rows.map(({ digest }) => digest);
      // Under the locks, and a statement of its own: it sees every reference that was taken before them.
      const { rows: referred } = await client.query<{ digest: string }>(
        `SELECT digest FROM blob_references WHERE digest = ANY($1::text[])
         UNION SELECT digest FROM used WHERE digest = ANY($1::text[])`,
        [digests],
      );
      const spared = new Set(referred.map(({ digest }) => digest));
      const doomed = rows.filter(({ digest }) => !spared.has(digest));
      const freed = await Promise.all(doomed.map(({ digest }) => this.deleteBlob(digest)));
      await client.query('DELETE FROM condemned_blobs WHERE digest = ANY($1::text[])', [digests]);
      await client.query('COMMIT');
      freed.forEach((gone, i) => gone && add(this.found.freed, { bytes: Number(doomed[i]!.bytes) }));
      return digests.at(-1) ?? null;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /** Stored again since, it is young. @returns whether this has freed its bytes */
  private async deleteBlob(digest: string): Promise<boolean> {
    const { store } = this.options;
    const found = await store.stat(digest);
    if (found === null || found.storedAt >= this.storedBefore) return false;
    return await store.delete(digest);
  }

  private goOn(): void {
    if (this.options.stopping()) throw new CollectionStopped('the control plane stops; the next collection goes on');
  }
}

/** Of a reference `r`, $1 being the moment before which it was touched last. */
const isUnused = `r.touched_at < $1
  AND NOT EXISTS (SELECT FROM used u WHERE u.project_id = r.project_id AND u.digest = r.digest)`;

/** The moment before which a blob must have been condemned, to be deleted; the parameter is the grace, in milliseconds. */
const dueSince = (graceMs: string): string => `clock_timestamp() - ${graceMs} * interval '1 millisecond'`;

function add(sum: Sum, { bytes }: { bytes: number }): void {
  sum.blobs += 1;
  sum.bytes += bytes;
}
