/**
 * Blobs that are sent in parts, so that a connection that breaks costs one part and not the whole. What has arrived is a file
 * of this control plane below `<data folder>/parts`; another control plane starts at 0, and says so.
 */
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { BlobRef } from '@verge/contracts';
import { BlobError, type BlobStore } from '@verge/blobs';
import type { Logger } from 'pino';
import type { ControlPlaneConfig } from '../config.js';
import { BLOBS, CONFIG, LOGGER } from '../core.js';
import { ProblemError } from '../http/index.js';

const HOUR_MS = 3_600_000;
const KEPT_MS = 24 * HOUR_MS;

@Injectable()
export class BlobParts implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly folder: string;
  /** Files that a request is writing to now: two senders of one blob would mix their parts. */
  private readonly busy = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: ControlPlaneConfig,
    @Inject(LOGGER) private readonly log: Logger,
    @Inject(BLOBS) private readonly store: BlobStore,
  ) {
    this.folder = join(config.dataDir, 'parts');
  }

  onApplicationBootstrap(): void {
    const clean = (): void => {
      this.removeOld().catch((err: unknown) => this.log.warn({ err }, 'old parts of blobs could not be removed'));
    };
    clean();
    this.timer = setInterval(clean, HOUR_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Bytes of the blob that have arrived here. */
  async received(projectId: string, digest: string): Promise<number> {
    return (await stat(this.pathOf(projectId, digest)).catch(() => null))?.size ?? 0;
  }

  /**
   * Appends what `source` sends, whole or not: what arrived before it broke off stays.
   * @throws ProblemError STATE_CONFLICT when the part does not begin where the last ended, or another is being sent
   */
  async append(projectId: string, digest: string, offset: number, source: AsyncIterable<Uint8Array>): Promise<number> {
    const path = this.pathOf(projectId, digest);
    return await this.alone(path, async () => {
      const received = await this.received(projectId, digest);
      if (offset !== received) {
        throw new ProblemError(
          'STATE_CONFLICT',
          `${received} bytes of this blob have arrived: expected a part from there`,
        );
      }
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      const file = await open(path, 'a', 0o600);
      let at = received;
      try {
        for await (const chunk of source) {
          at += chunk.byteLength;
          if (at > this.config.maxBlobBytes) {
            const detail = `expected a blob of at most ${this.config.maxBlobBytes} bytes`;
            throw new ProblemError('BODY_TOO_LARGE', detail);
          }
          await file.appendFile(chunk);
        }
      } finally {
        await file.sync();
        await file.close();
      }
      return at;
    });
  }

  /**
   * The parts as a blob, checked against its digest.
   * @throws BlobError `blob-digest-mismatch`; the parts are gone then, for nothing that follows could mend them
   */
  async finish(projectId: string, digest: string): Promise<BlobRef> {
    const path = this.pathOf(projectId, digest);
    return await this.alone(path, async () => {
      try {
        const blob = await this.store.put(createReadStream(path), { digest, maxBytes: this.config.maxBlobBytes });
        await rm(path, { force: true });
        return blob;
      } catch (error) {
        if (error instanceof BlobError && error.code === 'blob-digest-mismatch') await rm(path, { force: true });
        throw error;
      }
    });
  }

  private async alone<T>(path: string, act: () => Promise<T>): Promise<T> {
    if (this.busy.has(path)) throw new ProblemError('STATE_CONFLICT', 'another request is sending a part of this blob');
    this.busy.add(path);
    try {
      return await act();
    } finally {
      this.busy.delete(path);
    }
  }

  private pathOf(projectId: string, digest: string): string {
    return join(this.folder, `${projectId}-${digest.slice('sha256:'.length)}`);
  }

  private async removeOld(): Promise<void> {
    const names = await readdir(this.folder).catch(() => [] as string[]);
    for (const name of names) {
      const path = join(this.folder, name);
      const found = await stat(path).catch(() => null);
      if (found && !this.busy.has(path) && Date.now() - found.mtimeMs > KEPT_MS) await rm(path, { force: true });
    }
  }
}
