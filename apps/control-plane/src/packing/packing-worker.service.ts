/**
 * Makes the packed forms that devices want, one at a time in each control plane, in a process of its own: packing takes a second for
 * each megabyte. Several control planes take different ones; what one leaves behind, the next takes when its time is over.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { BlobError, type BlobStore } from '@verge/blobs';
import { packApart } from '@verge/onnx/pack';
import type { Logger } from 'pino';
import { RepeatedTask } from '../background.js';
import { BlobReferences } from '../blobs/blob-references.service.js';
import type { ControlPlaneConfig } from '../config.js';
import { BLOBS, CONFIG, LOGGER } from '../core-tokens.js';
import { DatabaseService } from '../database/database.service.js';

/** The longest that one packing may take. */
const mostMs = 10 * 60_000;
/** Others leave a row alone for so long. */
const claimMs = mostMs + 2 * 60_000;
const againMs = 60_000;
const mostAttempts = 3;
/** What nobody was told of: left by a control plane that ended, or to be tried again. */
const lookMs = 30_000;
/** A packed form that is not at least so much smaller is not worth its place and the unpacking. */
const leastSaved = 0.05;

interface Claimed {
  project_id: string;
  target_digest: string;
  base_digest: string;
  target_bytes: string;
  attempts: number;
}
const keyOf = (row: Claimed) => [row.project_id, row.target_digest, row.base_digest] as const;

@Injectable()
export class PackingWorker implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly looking: RepeatedTask;
  private readonly stopping = new AbortController();
  private running: Promise<void> | null = null;
  private again = false;

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(BLOBS) private readonly blobs: BlobStore,
    @Inject(CONFIG) private readonly config: ControlPlaneConfig,
    @Inject(LOGGER) private readonly log: Logger,
    @Inject(BlobReferences) private readonly references: BlobReferences,
  ) {
    const task = async (): Promise<void> => this.work();
    this.looking = new RepeatedTask({ name: 'packing files for devices', everyMs: lookMs, task, log });
  }

  onApplicationBootstrap(): void {
    if (this.config.packing.maxBytes > 0) this.looking.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.looking.stop();
    await this.running;
  }

  /** There is something to do. */
  nudge(): void {
    if (this.config.packing.maxBytes === 0) return;
    this.work().catch((err: unknown) => this.log.warn({ err }, 'packing files for devices failed; it is tried again'));
  }

  private work(): Promise<void> {
    this.again = true;
    return (this.running ??= this.drain().finally(() => (this.running = null)));
  }

  private async drain(): Promise<void> {
    while (this.again && !this.stopping.signal.aborted) {
      this.again = false;
      const row = await this.claim();
      if (row === null) continue;
      this.again = true;
      await this.pack(row);
    }
  }

  private async claim(): Promise<Claimed | null> {
    const { rows } = await this.database.pool.query<Claimed>(
      `UPDATE packings SET attempts = attempts + 1, claimed_until = now() + $1 * interval '1 millisecond'
       WHERE (project_id, target_digest, base_digest) = (
         SELECT project_id, target_digest, base_digest FROM packings
         WHERE state = 'wanted' AND (claimed_until IS NULL OR claimed_until < now())
         ORDER BY attempts, created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING project_id, target_digest, base_digest, target_bytes, attempts`,
      [claimMs],
    );
    return rows[0] ?? null;
  }

  private async pack(row: Claimed): Promise<void> {
    const { target_digest: target, base_digest: base, target_bytes: bytes } = row;
    const began = performance.now();
    try {
      if (row.attempts > mostAttempts) return await this.end(row, 'failed', `it was begun ${mostAttempts} times, and never ended`); // prettier-ignore
      const made = await this.made(row);
      const ms = Math.round(performance.now() - began);
      this.log.info({ target, base, bytes: Number(bytes), ...made, ms }, 'a file was packed for devices');
    } catch (error) {
      await this.failed(row, error);
    }
  }

  private async failed(row: Claimed, error: unknown): Promise<void> {
    if (this.stopping.signal.aborted) {
      // Not its fault: whoever comes next begins anew at once.
      await this.database.pool.query(
        `UPDATE packings SET attempts = attempts - 1, claimed_until = NULL
         WHERE project_id = $1 AND target_digest = $2 AND base_digest = $3 AND state = 'wanted'`,
        [...keyOf(row)],
      );
      return;
    }
    const reason = error instanceof Error ? error.message : String(error);
    this.log.warn({ err: error, target: row.target_digest, base: row.base_digest }, 'a file could not be packed');
    if (error instanceof BlobError && error.code === 'blob-not-found') return this.end(row, 'failed', reason);
    if (row.attempts >= mostAttempts) return this.end(row, 'failed', reason);
    await this.database.pool.query(
      `UPDATE packings SET reason = $4, claimed_until = now() + $5 * interval '1 millisecond'
       WHERE project_id = $1 AND target_digest = $2 AND base_digest = $3 AND state = 'wanted'`,
      [...keyOf(row), reason.slice(0, 500), againMs],
    );
  }

  private async made(row: Claimed): Promise<{ packedBytes: number; kept: boolean }> {
    const folder = await mkdtemp(join(tmpdir(), 'verge-packing-'));
    try {
      const [file, out] = [join(folder, 'file'), join(folder, 'packed')];
      await this.copy(row.target_digest, file);
      const base = row.base_digest === '' ? undefined : join(folder, 'base');
      if (base !== undefined) await this.copy(row.base_digest, base);
      const packed = await packApart({ file, base, out, maxMs: mostMs, signal: this.stopping.signal });
      const kept = packed.bytes <= (1 - leastSaved) * (await this.toBeat(row));
      if (kept) await this.keep(row, { digest: `sha256:${packed.sha256}`, bytes: packed.bytes }, out);
      else await this.end(row, 'declined', `${packed.bytes} bytes packed are not worth it`);
      return { packedBytes: packed.bytes, kept };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  private async copy(digest: string, to: string): Promise<void> {
    const found = await this.blobs.stat(digest);
    // It may be another file's size that was told when it was wanted.
    const { maxBytes } = this.config.packing;
    if (found && found.bytes > maxBytes) throw new Error(`${digest} has ${found.bytes} bytes, at most ${maxBytes} are packed`); // prettier-ignore
    await pipeline(await this.blobs.get(digest), createWriteStream(to), { signal: this.stopping.signal });
  }

  /** Bytes of what a device would get otherwise. */
  private async toBeat({ project_id, target_digest, base_digest, target_bytes }: Claimed): Promise<number> {
    if (base_digest === '') return Number(target_bytes);
    const { rows } = await this.database.pool.query<{ bytes: string }>(
      `SELECT bytes FROM packings WHERE project_id = $1 AND target_digest = $2 AND base_digest = '' AND state = 'packed'`,
      [project_id, target_digest],
    );
    return Math.min(Number(target_bytes), Number(rows[0]?.bytes ?? Infinity));
  }

  private async keep(row: Claimed, ref: { digest: string; bytes: number }, path: string): Promise<void> {
    await this.blobs.put(createReadStream(path), { digest: ref.digest });
    await this.references.keep(row.project_id, [ref]);
    // Its artifact may be gone by now: then nothing names these bytes, and they are collected.
    await this.database.pool.query(
      `UPDATE packings SET state = 'packed', reason = '', digest = $4, bytes = $5, claimed_until = NULL
       WHERE project_id = $1 AND target_digest = $2 AND base_digest = $3`,
      [...keyOf(row), ref.digest, ref.bytes],
    );
  }

  private async end(row: Claimed, state: 'declined' | 'failed', reason: string): Promise<void> {
    await this.database.pool.query(
      `UPDATE packings SET state = $4, reason = $5, claimed_until = NULL
       WHERE project_id = $1 AND target_digest = $2 AND base_digest = $3`,
      [...keyOf(row), state, reason.slice(0, 500)],
    );
  }
}
