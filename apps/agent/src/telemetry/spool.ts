/**
 * A durable queue of records on disk. What `append` returned for survives kill -9 and power cuts; records are numbered
 * 1, 2, 3 ... within one spool id and forgotten after `acknowledge`. When the size cap is reached the oldest segment goes,
 * and the records in it that were never delivered are counted.
 */
import { randomUUID } from 'node:crypto';
import { open, readdir, readFile, rm, truncate, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readIfPresent, syncDirectory, writeAtomic } from '../atomic-file.js';
import { AgentError, reasonOf } from '../errors.js';
import { decodeFrames, decodeHeader, encodeFrame, encodeHeader, headerBytes, type Frame } from './segment.js';

const Marks = z.object({
  version: z.literal(1),
  spoolId: z.uuid(),
  /** Everything up to here is stored by the control plane, or was given up. */
  acknowledged: z.int().min(0),
  /** The highest number that may have been sent: never given to another record. */
  sent: z.int().min(0),
  /** How far missing numbers have been looked for and counted. */
  inspected: z.int().min(0),
  /** Records given up or damaged, never delivered. */
  dropped: z.int().min(0),
});
type Marks = z.infer<typeof Marks>;

interface SegmentFile {
  path: string;
  first: number;
  last: number;
  /** Records in the file. */
  count: number;
  bytes: number;
}

export interface SpoolOptions {
  dir: string;
  maxBytes: number;
  /** A new file is begun beyond it; an eighth of the cap at most. */
  segmentBytes?: number;
}

export class Spool {
  private queue: Promise<unknown> = Promise.resolve();
  private file: FileHandle | null = null;
  private next: number;

  private constructor(
    private readonly options: SpoolOptions,
    private marks: Marks,
    private readonly segments: SegmentFile[],
  ) {
    this.next = Math.max(marks.acknowledged, marks.sent, segments.at(-1)?.last ?? 0) + 1;
  }

  /** Opens or makes the spool; a torn tail is cut off, damaged records are counted as dropped. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const marksPath = join(options.dir, 'marks.json');
    const stored = await readIfPresent(marksPath);
    const parsed = stored ? Marks.safeParse(parseJson(stored)) : null;
    const found: (SegmentFile & { spoolId: string })[] = [];
    for (const name of (await readdir(options.dir)).filter((n) => n.endsWith('.seg')).sort()) {
      const segment = await recover(join(options.dir, name));
      if (segment) found.push(segment);
    }
    const marks: Marks = parsed?.success
      ? parsed.data
      : {
          version: 1,
          // Without marks the segments still say which spool they belong to, so what was delivered is not counted again.
          spoolId: found.at(-1)?.spoolId ?? randomUUID(),
          acknowledged: 0,
          sent: 0,
          inspected: 0,
          dropped: 0,
        };
    const own = found.filter((segment) => segment.spoolId === marks.spoolId);
    const spool = new Spool(options, marks, own);
    spool.countGaps();
    await spool.saveMarks();
    await spool.removeFinished();
    return spool;
  }

  get id(): string {
    return this.marks.spoolId;
  }
  /** The number that the next record gets. */
  get nextSeq(): number {
    return this.next;
  }
  get dropped(): number {
    return this.marks.dropped;
  }
  /** Records that wait to be delivered. */
  get waiting(): number {
    const { acknowledged } = this.marks;
    return this.segments.reduce((sum, s) => sum + Math.max(0, Math.min(s.count, s.last - acknowledged)), 0);
  }
  get bytes(): number {
    return this.segments.reduce((sum, s) => sum + s.bytes, 0);
  }

  /**
   * Stores records under the next numbers; durable (fdatasync) when it returns.
   * @returns the number of the first one
   * @throws AgentError `SPOOL_FAILED`, and then none of the records is stored
   */
  append(payloads: readonly Uint8Array[]): Promise<number> {
    return this.exclusively(async () => {
      const first = this.next;
      if (payloads.length === 0) return first;
      const bytes = Buffer.concat(payloads.map((payload, i) => encodeFrame({ seq: first + i, payload })));
      const last = first + payloads.length - 1;
      const segment = await this.segmentFor(bytes.length, first);
      try {
        await writeAll(this.file!, bytes, segment.bytes);
        await this.file!.datasync();
      } catch (error) {
        // What was half written is cut off again; the numbers are free because nothing was sent.
        await this.file?.truncate(segment.bytes).catch(() => undefined);
        await this.closeFile();
        throw new AgentError('SPOOL_FAILED', `the spool cannot be written: ${reasonOf(error)}`, { cause: error });
      }
      segment.bytes += bytes.length;
      segment.count += payloads.length;
      segment.last = last;
      this.next = last + 1;
      await this.enforceCap();
      return first;
    });
  }

  /** The oldest records that wait, in order. */
  read(maxRecords: number, maxBytes: number): Promise<Frame[]> {
    return this.exclusively(async () => {
      const frames: Frame[] = [];
      let bytes = 0;
      for (const segment of this.segments) {
        if (segment.count === 0 || segment.last <= this.marks.acknowledged) continue;
        for (const frame of decodeFrames(await readFile(segment.path)).frames) {
          if (frame.seq <= this.marks.acknowledged) continue;
          bytes += frame.payload.length;
          if (frames.length === maxRecords || (frames.length > 0 && bytes > maxBytes)) return frames;
          frames.push(frame);
        }
      }
      return frames;
    });
  }

  /** To be called before sending: a number that left the device never names another record, whatever the disk loses. */
  markSent(through: number): Promise<void> {
    return this.exclusively(async () => {
      if (through <= this.marks.sent) return;
      this.marks = { ...this.marks, sent: through };
      await this.saveMarks();
    });
  }

  /** Forgets every record up to the number. */
  acknowledge(through: number): Promise<void> {
    return this.exclusively(async () => {
      const upTo = Math.min(through, this.next - 1);
      if (upTo <= this.marks.acknowledged) return;
      this.marks = { ...this.marks, acknowledged: upTo };
      await this.saveMarks();
      await this.removeFinished();
    });
  }

  /** Gives up one record that the control plane refuses for good, so that the ones behind it can go. */
  discard(seq: number): Promise<void> {
    return this.exclusively(async () => {
      if (seq <= this.marks.acknowledged) return;
      this.marks = { ...this.marks, acknowledged: seq, dropped: this.marks.dropped + 1 };
      await this.saveMarks();
      await this.removeFinished();
    });
  }

  async close(): Promise<void> {
    await this.exclusively(() => this.closeFile());
  }

  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.queue.then(work);
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  private saveMarks(): Promise<void> {
    return writeAtomic(join(this.options.dir, 'marks.json'), JSON.stringify(this.marks));
  }

  private async closeFile(): Promise<void> {
    await this.file?.close();
    this.file = null;
  }

  /** The file to append to: the last one while it has room, else a new one whose name is its first number. */
  private async segmentFor(bytes: number, first: number): Promise<SegmentFile> {
    const { dir, maxBytes, segmentBytes = 1024 * 1024 } = this.options;
    const limit = Math.min(segmentBytes, Math.floor(maxBytes / 8));
    const last = this.segments.at(-1);
    if (last && last.bytes + bytes <= limit) {
      this.file ??= await open(last.path, 'r+');
      return last;
    }
    await this.closeFile();
    const path = join(dir, `${String(first).padStart(16, '0')}.seg`);
    try {
      this.file = await open(path, 'w', 0o600);
      await writeAll(this.file, encodeHeader(this.id), 0);
      await syncDirectory(dir);
    } catch (error) {
      await this.closeFile();
      await rm(path, { force: true });
      throw new AgentError('SPOOL_FAILED', `the spool cannot be written: ${reasonOf(error)}`, { cause: error });
    }
    const segment: SegmentFile = { path, first, last: first - 1, count: 0, bytes: headerBytes };
    this.segments.push(segment);
    return segment;
  }

  private async enforceCap(): Promise<void> {
    while (this.bytes > this.options.maxBytes && this.segments.length > 1) {
      const oldest = this.segments[0]!;
      const undelivered = Math.max(0, Math.min(oldest.count, oldest.last - this.marks.acknowledged));
      // The mark comes first: cut between the two, the file is removed at the next start and not counted again.
      this.marks = {
        ...this.marks,
        acknowledged: Math.max(this.marks.acknowledged, oldest.last),
        dropped: this.marks.dropped + undelivered,
      };
      await this.saveMarks();
      await this.removeFinished();
    }
  }

  private async removeFinished(): Promise<void> {
    while (this.segments.length > 0 && this.segments[0]!.last <= this.marks.acknowledged) {
      const done = this.segments[0]!;
      if (this.segments.length === 1) await this.closeFile();
      await rm(done.path, { force: true });
      this.segments.shift();
    }
  }

  /** Numbers missing within and between the segments were damaged on disk. */
  private countGaps(): void {
    const from = Math.max(this.marks.acknowledged, this.marks.inspected);
    const last = this.segments.at(-1)?.last ?? 0;
    if (last <= from) return;
    let present = 0;
    for (const segment of this.segments) {
      if (segment.last > from) present += Math.min(segment.count, segment.last - from);
    }
    const missing = Math.max(0, last - from - present);
    this.marks = { ...this.marks, inspected: last, dropped: this.marks.dropped + missing };
  }
}

async function recover(path: string): Promise<(SegmentFile & { spoolId: string }) | null> {
  const bytes = await readFile(path);
  const spoolId = decodeHeader(bytes);
  const { frames, end } = spoolId ? decodeFrames(bytes) : { frames: [], end: 0 };
  const [first, last] = [frames[0], frames.at(-1)];
  if (!spoolId || !first || !last) {
    await rm(path, { force: true });
    return null;
  }
  if (end < bytes.length) await truncate(path, end);
  return { path, spoolId, first: first.seq, last: last.seq, count: frames.length, bytes: end };
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}
