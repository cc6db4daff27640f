/**
 * From observations to the spool. A window closes every report interval; its records are then durable in the spool. In
 * between the open window is written to a journal every `journalMs` (one second unless told otherwise), under the number
 * that its first record will get: kill -9 loses at most what was observed since the last journal write, and nothing is
 * there twice.
 */
import { rm } from 'node:fs/promises';
import { readIfPresent, writeAtomic } from '../atomic-file.js';
import { reasonOf } from '../errors.js';
import type { Log } from '../log/logger.js';
import { encodeRecord } from './record-codec.js';
import { decodeFrames, encodeFrame, encodeHeader, headerBytes } from './segment.js';
import type { Spool } from './spool.js';
import { Totals } from './totals.js';
import { observationOf, Window, type Seen } from './window.js';

export interface RecorderOptions {
  spool: Spool;
  /** Path of the journal of the open window. */
  journal: string;
  journalMs: number;
  log: Log;
  now?: () => number;
}

/** Windows kept in memory while the spool cannot be written. */
const maxPending = 500;

export class Recorder {
  private window: Window;
  private dirty = false;
  /** Records of closed windows that the disk did not take. */
  private pending: Buffer[] = [];
  /** Records given up because the disk took none for long. */
  dropped = 0;
  /** Values that were left out of records, for lack of room or because they are not finite. */
  left = 0;
  readonly totals = new Totals();
  private timer: NodeJS.Timeout | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private readonly now: () => number;

  private constructor(private readonly options: RecorderOptions) {
    this.now = options.now ?? Date.now;
    this.window = new Window(this.now());
  }

  /** Moves what the journal of an interrupted run holds into the spool, then begins a new window. */
  static async open(options: RecorderOptions): Promise<Recorder> {
    const { spool, journal } = options;
    const bytes = await readIfPresent(journal);
    if (bytes) {
      const frames = decodeFrames(bytes).frames;
      // Records numbered below the spool's next number were appended before the process ended.
      const lost = frames.filter((frame) => frame.seq >= spool.nextSeq);
      const ofThisSpool = bytes.subarray(0, headerBytes).equals(encodeHeader(spool.id));
      if (lost.length > 0 && ofThisSpool) await spool.append(lost.map((frame) => frame.payload));
      await rm(journal, { force: true });
    }
    const recorder = new Recorder(options);
    recorder.timer = setInterval(() => {
      recorder.writeJournal().catch((error: unknown) => {
        options.log.error({ err: reasonOf(error) }, 'the open telemetry window could not be written');
      });
    }, options.journalMs);
    recorder.timer.unref();
    return recorder;
  }

  observe(seen: Seen): void {
    this.totals.add(seen.outcome);
    const observation = observationOf(seen);
    if (!observation) return;
    this.window.add(observation);
    this.dirty = true;
  }

  /** Closes the window and stores its records; what a full or failing disk does not take goes first next time. */
  flush(): Promise<void> {
    return this.exclusively(async () => {
      const closing = this.window;
      // No await before the exchange: what is observed from here on belongs to the next window.
      this.window = new Window(this.now());
      this.dirty = false;
      const trouble = this.totals.trouble();
      if (trouble) this.options.log.warn(trouble, 'requests failed or were refused since the last window');
      this.left += closing.left;
      if (!closing.empty) this.pending.push(...closing.records(this.now()).map(encodeRecord));
      if (this.pending.length === 0) return;
      try {
        await this.options.spool.append(this.pending);
      } catch (error) {
        this.options.log.error({ err: reasonOf(error) }, 'telemetry cannot be stored now and is kept in memory');
        // Unable to write for long: the oldest go, so that memory stays bounded.
        this.dropped += this.pending.splice(0, Math.max(0, this.pending.length - maxPending)).length;
        return;
      }
      this.pending = [];
      await rm(this.options.journal, { force: true });
    });
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  private writeJournal(): Promise<void> {
    return this.exclusively(async () => {
      if (!this.dirty) return;
      this.dirty = false;
      const { spool, journal, log } = this.options;
      const first = spool.nextSeq;
      const payloads = [...this.pending, ...this.window.records(this.now()).map(encodeRecord)];
      const frames = payloads.map((payload, i) => encodeFrame({ seq: first + i, payload }));
      try {
        await writeAtomic(journal, Buffer.concat([encodeHeader(spool.id), ...frames]));
      } catch (error) {
        log.warn({ err: reasonOf(error) }, 'the open telemetry window could not be made durable');
      }
    });
  }

  private exclusively(work: () => Promise<void>): Promise<void> {
    const turn = this.queue.then(work);
    this.queue = turn.catch(() => undefined);
    return turn;
  }
}
