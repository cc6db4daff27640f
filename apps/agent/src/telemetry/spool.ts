/**
 * A durable queue of records on disk. What `append` returned for survives kill -9 and power cuts; records are numbered
 * 1, 2, 3 ... within one spool id and forgotten after `acknowledge`. Whatever was stored and could not be delivered is
 * counted: records dropped at the size cap, refused by the control plane, damaged on disk. A disk that cannot be used
 * makes every operation fail until it can.
 */
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../atomic-file.js';
import { AgentError, reasonOf, systemCode } from '../errors.js';
import { firstMarks, loadMarks, saveMarks, type Marks } from './marks.js';
import { findSegments, isInPlace, readSegment, writeAll, type SegmentFile } from './segment-file.js';
import { decodeFrames, encodeFrame, encodeHeader, headerBytes, type Frame } from './segment.js';

export interface SpoolOptions {
  dir: string;
  maxBytes: number;
  /** A new file is begun beyond it; an eighth of the cap at most. */
  segmentBytes?: number;
}

export class Spool {
  private queue: Promise<unknown> = Promise.resolve();
  private file: FileHandle | null = null;
  /** Null until the disk could be used. */
  private marks: Marks | null = null;
  private segments: SegmentFile[] = [];
  private next = 0;
  /** Numbers of the last `read`: what is missing between them is lost. */
  private lastRead: number[] = [];
  /** Damaged records at the end of segments that no marks count yet. */
  private cutOff = 0;

  private constructor(private readonly options: SpoolOptions) {}

  /** Opens or makes the spool. Where the disk does not let it, it is tried again at each use. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(options);
    await spool.ready().catch(() => undefined);
    return spool;
  }

  /** @throws AgentError `SPOOL_FAILED` while the disk cannot be used */
  ready(): Promise<void> {
    return this.exclusively(() => Promise.resolve());
  }

  /** Empty until the disk could be used. */
  get id(): string {
    return this.marks?.spoolId ?? '';
  }
  /** The number that the next record gets; 0 until the disk could be used. */
  get nextSeq(): number {
    return this.next;
  }
  /** Records that were stored and never delivered: given up, or damaged as far as is known. */
  get dropped(): number {
    if (!this.marks) return 0;
    const last = this.segments.at(-1)?.last ?? 0;
    return this.marks.dropped + Math.max(0, last - this.marks.acknowledged - this.waiting);
  }
  /** Records that wait to be delivered. */
  get waiting(): number {
    const acknowledged = this.marks?.acknowledged ?? 0;
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
        throw error;
      }
      segment.bytes += bytes.length;
      segment.count += payloads.length;
      segment.last = last;
      this.next = last + 1;
      await this.enforceCap();
      return first;
    });
  }

  /** The oldest records that wait, in order. What is damaged is passed over, and counted once what follows is delivered. */
  read(maxRecords: number, maxBytes: number): Promise<Frame[]> {
    return this.exclusively(async (marks) => {
      const frames: Frame[] = [];
      let bytes = 0;
      const full = ({ payload }: Frame): boolean =>
        frames.length === maxRecords || (frames.length > 0 && bytes + payload.length > maxBytes);
      for (const segment of this.segments) {
        if (segment.count === 0 || segment.last <= marks.acknowledged) continue;
        const whole = decodeFrames(await readSegment(segment.path)).frames;
        segment.count = whole.length;
        for (const frame of whole) {
          if (frame.seq <= marks.acknowledged) continue;
          if (full(frame)) return this.remember(frames);
          bytes += frame.payload.length;
          frames.push(frame);
        }
      }
      if (frames.length === 0) await this.giveUpTo(this.segments.at(-1)?.last ?? 0);
      return this.remember(frames);
    });
  }

  /** To be called before sending: a number that left the device never names another record, whatever the disk loses. */
  markSent(through: number): Promise<void> {
    return this.exclusively(async (marks) => {
      if (through > marks.sent) await this.mark({ sent: through });
    });
  }

  /** Forgets every record up to the number. */
  acknowledge(through: number): Promise<void> {
    return this.exclusively(async (marks) => {
      const upTo = Math.min(through, this.next - 1);
      const passed = upTo - marks.acknowledged;
      if (passed <= 0) return;
      // Each number is passed once: those that were not among what was read were lost.
      const covered = (this.lastRead.at(-1) ?? 0) >= upTo;
      const present = this.lastRead.filter((seq) => seq > marks.acknowledged && seq <= upTo).length;
      await this.mark({ acknowledged: upTo, dropped: marks.dropped + (covered ? passed - present : 0) });
      await this.removeFinished();
    });
  }

  /** Gives up one record that the control plane refuses for good, so that the ones behind it can go. */
  discard(seq: number): Promise<void> {
    return this.exclusively(() => this.giveUpTo(seq));
  }

  async close(): Promise<void> {
    await this.queue;
    await this.closeFile();
  }

  /** One at a time, with the spool open. */
  private exclusively<T>(work: (marks: Marks) => Promise<T>): Promise<T> {
    const turn = this.queue.then(async () => {
      try {
        return await work(this.marks ?? (await this.openFiles()));
      } catch (error) {
        throw new AgentError('SPOOL_FAILED', `the spool cannot be used: ${reasonOf(error)}`, { cause: error });
      }
    });
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  private async openFiles(): Promise<Marks> {
    const { dir } = this.options;
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const stored = await loadMarks(dir);
    const { found, damaged } = await findSegments(dir);
    // Cut off by now: to be counted also when this opening fails further down.
    this.cutOff += damaged;
    const marks = stored ?? firstMarks(found.findLast(({ spoolId }) => spoolId !== null)?.spoolId ?? null);
    // A segment without a readable header is of this spool: others are not made in its folder.
    const own = found.filter(({ spoolId }) => spoolId === null || spoolId === marks.spoolId);
    const opened = { ...marks, dropped: marks.dropped + this.cutOff };
    await saveMarks(dir, opened);
    this.cutOff = 0;
    this.segments = own;
    this.next = Math.max(marks.acknowledged, marks.sent, own.at(-1)?.last ?? 0) + 1;
    this.marks = opened;
    await this.removeFinished();
    return opened;
  }

  private remember(frames: Frame[]): Frame[] {
    this.lastRead = frames.map(({ seq }) => seq);
    return frames;
  }

  private async giveUpTo(seq: number): Promise<void> {
    const { acknowledged, dropped } = this.marks!;
    if (seq <= acknowledged) return;
    await this.mark({ acknowledged: seq, dropped: dropped + seq - acknowledged });
    await this.removeFinished();
  }

  /** On a full disk the records that were delivered go first: their room is what the marks need. */
  private async mark(change: Partial<Marks>): Promise<void> {
    const marks = (this.marks = { ...this.marks!, ...change });
    try {
      await saveMarks(this.options.dir, marks);
    } catch (error) {
      if (!['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '')) throw error;
      // The newest segment stays: its numbers keep those before it from being given anew.
      await this.removeFinished(1);
      await saveMarks(this.options.dir, marks).catch(() => undefined);
    }
  }

  private async closeFile(): Promise<void> {
    const { file } = this;
    this.file = null;
    await file?.close();
  }

  /** The file to append to: the last one while it is in its place and has room, else a new one named by its first number. */
  private async segmentFor(bytes: number, first: number): Promise<SegmentFile> {
    const { dir, maxBytes, segmentBytes = 1024 * 1024 } = this.options;
    const limit = Math.min(segmentBytes, Math.floor(maxBytes / 8));
    const last = this.segments.at(-1);
    if (last && last.bytes + bytes <= limit) {
      this.file ??= await open(last.path, 'r+').catch(() => null);
      if (this.file && (await isInPlace(this.file, last))) return last;
    }
    await this.closeFile();
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const path = join(dir, `${String(first).padStart(16, '0')}.seg`);
    try {
      this.file = await open(path, 'w', 0o600);
      await writeAll(this.file, encodeHeader(this.id), 0);
      await syncDirectory(dir);
    } catch (error) {
      await this.closeFile();
      await rm(path, { recursive: true, force: true });
      throw error;
    }
    const segment: SegmentFile = { path, first, last: first - 1, count: 0, bytes: headerBytes };
    this.segments.push(segment);
    return segment;
  }

  private async enforceCap(): Promise<void> {
    while (this.bytes > this.options.maxBytes && this.segments.length > 1) {
      const oldest = this.segments[0]!;
      // The mark comes first: cut between the two, the file is removed at the next start and not counted again.
      if (oldest.last > this.marks!.acknowledged) await this.giveUpTo(oldest.last);
      else await this.removeFinished();
    }
  }

  private async removeFinished(keep = 0): Promise<void> {
    while (this.segments.length > keep && this.segments[0]!.last <= this.marks!.acknowledged) {
      const done = this.segments[0]!;
      if (this.segments.length === 1) await this.closeFile();
      await rm(done.path, { recursive: true, force: true });
      this.segments.shift();
    }
  }
}
