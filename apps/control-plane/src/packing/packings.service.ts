/**
 * Which packed forms there are of artifacts' files, and which are wanted. A device never waits for one: it gets the best that is there,
 * and what it could have had is made for those that come later.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { BlobStore } from '@verge/blobs';
import { mostBases, packCoding, type DownloadRequestReceived, type Encoding } from '@verge/contracts/grpc';
import type { Logger } from 'pino';
import type { ControlPlaneConfig } from '../config.js';
import { BLOBS, CONFIG, LOGGER } from '../core-tokens.js';
import { DatabaseService } from '../database/database.service.js';
import { PackingWorker } from './packing-worker.service.js';

/** A smaller file is sent as it is. */
export const leastPacked = 4096;
/** Of one file so many differences are made, from bases as devices name them; others get what needs no base. */
const mostDifferences = 8;
/** What has been asked for is not asked for again within it. */
const keptMs = 60_000;
const mostKept = 100_000;

/** How a blob is sent, where not as it is. */
export type SentEncoding = Required<Pick<Encoding, 'coding' | 'base'>> & {
  readonly digest: string;
  readonly bytes: number;
  readonly offset: number;
};

interface Row {
  base_digest: string;
  state: string;
  digest: string | null;
  bytes: string | null;
}

@Injectable()
export class Packings {
  private readonly asked = new Set<string>();
  private forgetAt = 0;

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(BLOBS) private readonly blobs: BlobStore,
    @Inject(CONFIG) private readonly config: ControlPlaneConfig,
    @Inject(LOGGER) private readonly log: Logger,
    @Inject(PackingWorker) private readonly worker: PackingWorker,
  ) {}

  /**
   * The packed form that costs the fewest bytes from here on; null where the rest of the file as it is costs no more. Trouble with
   * packed forms is no reason to send nothing.
   * @param fileBytes size of the file that is asked for
   */
  async choose(projectId: string, asked: DownloadRequestReceived, fileBytes: number): Promise<SentEncoding | null> {
    if (!asked.codings.includes(packCoding) || fileBytes < leastPacked) return null;
    try {
      return await this.best(projectId, asked, fileBytes);
    } catch (err) {
      this.log.warn({ err, digest: asked.digest }, 'packed forms could not be looked for; the file goes as it is');
      return null;
    }
  }

  private async best(
    projectId: string,
    asked: DownloadRequestReceived,
    fileBytes: number,
  ): Promise<SentEncoding | null> {
    const { digest, bases, offset } = asked;
    const wanted = ['', ...bases.slice(0, mostBases)];
    const { rows } = await this.database.pool.query<Row>({
      name: 'packings',
      text: `SELECT base_digest, state, digest, bytes FROM packings
        WHERE project_id = $1 AND target_digest = $2 AND base_digest = ANY($3::text[])`,
      values: [projectId, digest, wanted],
    });
    const known = new Set(rows.map((row) => row.base_digest));
    // One that needs no base, and the difference from what serves there.
    const missing = wanted.slice(0, 2).filter((base) => !known.has(base));
    if (missing.length > 0) await this.want(projectId, digest, missing, fileBytes);
    const found = rows.flatMap((row) => formOf(row, asked));
    found.sort((a, b) => a.bytes - a.offset - (b.bytes - b.offset));
    for (const form of found) {
      if (form.bytes - form.offset >= fileBytes - offset) return null;
      if ((await this.blobs.stat(form.digest))?.bytes === form.bytes) return form;
      await this.lost(projectId, digest, form);
    }
    return null;
  }

  /** Whoever collects blobs knows of packed forms; an operator who empties the store does not. */
  private async lost(projectId: string, target: string, { base, digest }: SentEncoding): Promise<void> {
    this.log.warn({ target, base, digest }, 'a packed form is no longer in the store; it is made again');
    await this.database.pool.query(
      `UPDATE packings SET state = 'wanted', digest = NULL, bytes = NULL, attempts = 0, claimed_until = NULL
       WHERE project_id = $1 AND target_digest = $2 AND base_digest = $3 AND digest = $4`,
      [projectId, target, base, digest],
    );
    this.worker.nudge();
  }

  /** Only what devices of the project may download is packed, and only with such files as bases. */
  private async want(projectId: string, target: string, bases: readonly string[], fileBytes: number): Promise<void> {
    if (fileBytes > this.config.packing.maxBytes) return;
    if (Date.now() >= this.forgetAt || this.asked.size > mostKept) {
      this.asked.clear();
      this.forgetAt = Date.now() + keptMs;
    }
    const fresh = bases.filter((base) => !this.asked.has(`${projectId} ${target} ${base}`));
    if (fresh.length === 0) return;
    for (const base of fresh) this.asked.add(`${projectId} ${target} ${base}`);
    const isFile = (digest: string): string => `EXISTS (SELECT FROM artifacts a
      JOIN release_artifacts r ON r.artifact_id = a.id WHERE a.project_id = $1 AND a.manifest->'files' @> jsonb_build_array(jsonb_build_object('digest', ${digest}::text)))`;
    const { rowCount } = await this.database.pool.query(
      `INSERT INTO packings (project_id, target_digest, base_digest, target_bytes)
       SELECT $1, $2, base, $4 FROM unnest($3::text[]) AS base
       WHERE ${isFile('$2')} AND (base = '' OR base <> $2 AND ${isFile('base')} AND (SELECT count(*) FROM packings
         WHERE project_id = $1 AND target_digest = $2 AND base_digest <> '') < ${mostDifferences})
       ON CONFLICT DO NOTHING`,
      [projectId, target, fresh, fileBytes],
    );
    if (rowCount) this.worker.nudge();
  }
}

/** The form of a row, from where on the device goes on with it. */
function formOf(row: Row, { encodedDigest, encodedOffset }: DownloadRequestReceived): SentEncoding[] {
  const { state, digest, base_digest: base } = row;
  if (state !== 'packed' || digest === null) return [];
  const bytes = Number(row.bytes);
  const offset = encodedDigest === digest && encodedOffset <= bytes ? encodedOffset : 0;
  return [{ coding: packCoding, digest, bytes, offset, base }];
}
