import { Inject, Injectable } from '@nestjs/common';
import type { BlobStore } from '@verge/blobs';
import type { BlobRef, FieldError } from '@verge/contracts';
import { BLOBS } from '../core.js';
import { DatabaseService, type Db } from '../database/database.service.js';

/**
 * Which project holds which blob. The store itself is one for all projects, and knowing a digest is not having the
 * bytes: a project gets a reference only by sending the bytes, or from a job that ran for it.
 */
@Injectable()
export class BlobReferences {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(BLOBS) private readonly store: BlobStore,
  ) {}

  async add(projectId: string, refs: readonly BlobRef[], db: Db = this.database): Promise<void> {
    const data = refs.map(({ digest, bytes }) => ({ projectId, digest, bytes: BigInt(bytes) }));
    await db.blobReference.createMany({ data, skipDuplicates: true });
  }

  /** Size of a blob that the project holds, null for any other. */
  async find(projectId: string, digest: string): Promise<number | null> {
    const row = await this.database.blobReference.findUnique({ where: { projectId_digest: { projectId, digest } } });
    return row ? Number(row.bytes) : null;
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

  /** Sizes of those blobs that the project holds. The digests are one parameter, for there may be a million. */
  private async sizes(projectId: string, digests: readonly string[]): Promise<Map<string, number>> {
    const { rows } = await this.database.pool.query<{ digest: string; bytes: string }>(
      'SELECT digest, bytes FROM blob_references WHERE project_id = $1 AND digest = ANY($2::text[])',
      [projectId, [...new Set(digests)]],
    );
    return new Map(rows.map((row) => [row.digest, Number(row.bytes)]));
  }

  /** Blobs that a job says it stored, and the store does not have, or has in another size. */
  async missing(refs: readonly BlobRef[]): Promise<string[]> {
    const found = await Promise.all(refs.map(async (ref) => ({ ref, stat: await this.store.stat(ref.digest) })));
    return found.filter(({ ref, stat }) => stat?.bytes !== ref.bytes).map(({ ref }) => ref.digest);
  }
}
