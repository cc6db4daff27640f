import { Inject, Injectable } from '@nestjs/common';
import type { BlobStore } from '@verge/blobs';
import type { BlobRef, FieldError } from '@verge/contracts';
import type { ControlPlaneConfig } from '../config.js';
import { BLOBS, CONFIG } from '../core.js';
import { DatabaseService } from '../database/database.service.js';
import { ProblemError } from '../http/problem-error.js';

/**
 * Which project holds which blob. The store itself is one for all projects, and knowing a digest is not having the
 * bytes: a project gets a reference only by sending the bytes, or from a job that ran for it.
 *
 * A reference that nothing uses is given up when nobody has touched it for the time of grace (`collection/`). So whoever is told
 * that a blob is there has touched it by that.
 */
@Injectable()
export class BlobReferences {
  /** One that was touched within this time need not be touched again: the rest of its grace is left to it. */
  private readonly freshMs: number;

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(BLOBS) private readonly store: BlobStore,
    @Inject(CONFIG) config: Pick<ControlPlaneConfig, 'blobCollection'>,
  ) {
    this.freshMs = config.blobCollection.graceMs / 4;
  }

  /**
   * Takes references to blobs whose bytes were put just now.
   * @throws ProblemError UNAVAILABLE when one of them was collected in that moment: it must be put again
   */
  async keep(projectId: string, refs: readonly BlobRef[]): Promise<void> {
    const missing = await this.keepThose(projectId, refs);
    if (missing.length === 0) return;
    throw new ProblemError(
      'UNAVAILABLE',
      `collected as unused while it was sent; send it again: ${missing.join(', ')}`,
    );
  }

  /** Takes references to blobs that the store has. @returns those that it does not have, or has in another size */
  async keepThose(projectId: string, refs: readonly BlobRef[]): Promise<string[]> {
    const { blobReference } = this.database;
    const digests = refs.map(({ digest }) => digest);
    const before = await blobReference.findMany({
      where: { projectId, digest: { in: digests } },
      select: { digest: true },
    });
    await this.add(projectId, refs);
    // A collector that comes from here on sees the reference; what one has deleted before is missing now.
    const missing = await this.missing(refs);
    const held = new Set(before.map(({ digest }) => digest));
    const fresh = missing.filter((digest) => !held.has(digest));
    if (fresh.length > 0) await blobReference.deleteMany({ where: { projectId, digest: { in: fresh } } });
    return missing;
  }

  private async add(projectId: string, refs: readonly BlobRef[]): Promise<void> {
    if (refs.length === 0) return;
    // In the order of their digests, so that nobody waits in a circle.
    const unique = [...new Map(refs.map((ref) => [ref.digest, ref.bytes])).entries()].sort(([a], [b]) =>
      a < b ? -1 : 1,
    );
    const digests = unique.map(([digest]) => digest);
    const bytes = unique.map(([, size]) => BigInt(size));
    await this.database.$executeRaw`
      INSERT INTO blob_references (project_id, digest, bytes, touched_at)
      SELECT ${projectId}::uuid, digest, bytes, clock_timestamp() FROM unnest(${digests}::text[], ${bytes}::bigint[])
        AS sent(digest, bytes)
      ON CONFLICT (project_id, digest) DO UPDATE SET touched_at = excluded.touched_at`;
    // Afterwards, and not in one transaction: it waits for a collector that did not see the reference, until that is done.
    await this.database.$executeRaw`DELETE FROM condemned_blobs WHERE digest = ANY(${digests}::text[])`;
  }

  /** Size of a blob that the project holds, null for any other. To read it is no reason to keep it. */
  async find(projectId: string, digest: string): Promise<number | null> {
    const row = await this.database.blobReference.findUnique({ where: { projectId_digest: { projectId, digest } } });
    return row ? Number(row.bytes) : null;
  }

  /** The same, for somebody who is about to use it. */
  async touch(projectId: string, digest: string): Promise<number | null> {
    return (await this.sizes(projectId, [digest])).get(digest) ?? null;
  }

  /** What is wrong with a list of wanted blobs, by the field that names each; `bytes` is compared where it is given. */
  async check(
    projectId: string,
    wanted: readonly { field: string; digest: string; bytes?: number }[],
  ): Promise<FieldError[]> {
    const held = await this.sizes(
      projectId,
      wanted.map((w) => w.digest),
    );
    return wanted.flatMap(({ field, digest, bytes }) => {
      const size = held.get(digest);
      if (size === undefined) return [{ field, detail: 'expected the digest of a blob that this project holds' }];
      if (bytes !== undefined && bytes !== size) return [{ field, detail: `expected ${size} bytes, the blob's size` }];
      return [];
    });
  }

  /** Those of the digests that the project does not hold, each once. */
  async missingOf(projectId: string, digests: readonly string[]): Promise<string[]> {
    const held = await this.sizes(projectId, digests);
    return [...new Set(digests)].filter((digest) => !held.has(digest));
  }

  /**
   * Sizes of those blobs that the project holds, which are touched by that. A reference that the collector gives up at this moment
   * is not among them. The digests are one parameter, for there may be a million.
   */
  private async sizes(projectId: string, digests: readonly string[]): Promise<Map<string, number>> {
    const { rows } = await this.database.pool.query<{ digest: string; bytes: string }>(
      `WITH wanted AS (
        SELECT digest, bytes, touched_at < clock_timestamp() - $3 * interval '1 millisecond' AS stale
        FROM blob_references WHERE project_id = $1 AND digest = ANY($2::text[])
      ), touched AS (
        UPDATE blob_references r SET touched_at = clock_timestamp() FROM wanted
        WHERE wanted.stale AND r.project_id = $1 AND r.digest = wanted.digest RETURNING r.digest, r.bytes
      )
      SELECT digest, bytes FROM touched UNION ALL SELECT digest, bytes FROM wanted WHERE NOT stale`,
      [projectId, [...new Set(digests)], this.freshMs],
    );
    return new Map(rows.map((row) => [row.digest, Number(row.bytes)]));
  }

  /** Blobs that somebody says to have stored, and the store does not have, or has in another size. */
  private async missing(refs: readonly BlobRef[]): Promise<string[]> {
    const found = await Promise.all(refs.map(async (ref) => ({ ref, stat: await this.store.stat(ref.digest) })));
    return found.filter(({ ref, stat }) => stat?.bytes !== ref.bytes).map(({ ref }) => ref.digest);
  }
}
