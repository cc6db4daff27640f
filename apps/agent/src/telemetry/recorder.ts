/**
 * From observations to the spool. A window closes every report interval; its records are then durable in the spool. In
 * between the open window is written to a journal every `journalMs` (one second unless told otherwise), under the number
 * that its first record will get: kill -9 loses at most what was observed since the last journal write, and nothing is
 * there twice.
 */
import { rm } from 'node:fs/promises';
import { readIfPresent, writeAtomic } from '../atomic-file.js';
import { reasonOf } from '../errors.js';
import type { Health } from '../health.js';
import type { Log } from '../log/logger.js';
import { encodeRecord } from './record-codec.js';
import { decodeFrames, decodeHeader, encodeFrame, encodeHeader, type Frame } from './segment.js';
import type { Spool } from './spool.js';
import { Totals } from './totals.js';
import { observationOf, Window, type Seen } from './window.js';

export interface RecorderOptions {
  spool: Spool;
  /** Path of the journal of the open window. */
  journal: string;
  journalMs: number;
  health: Health;
  log: Log;
  now?: () => number;
}

/** Windows kept in memory while the spool cannot be written. */
const maxPending = 500;

export class Recorder {
  private window: Window;
  private dirty = false;
  /** Whether the journal of an interrupted run is in the spool. */
  private restored = false;
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

  static async open(options: RecorderOptions): Promise<Recorder> {
    const recorder = new Recorder(options);
    await recorder.restore().catch((error: unknown) => options.health.report('spool', error));
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
      const { spool, journal, health } = this.options;
      const stored = await health.attempt('spool', async () => {
        await this.restore();
        await (this.pending.length > 0 ? spool.append(this.pending) : spool.ready());
      });
      if (!stored) {
        // Unable to write for long: the oldest go, so that memory stays bounded.
        this.dropped += this.pending.splice(0, Math.max(0, this.pending.length - maxPending)).length;
        return;
      }
      if (this.pending.length === 0) return;
      this.pending = [];
      await rm(journal, { recursive: true, force: true }).catch((error: unknown) => health.report('journal', error));
    });
  }

  /** Moves what the journal of an interrupted run holds into the spool, as soon as there is one. */
  private async restore(): Promise<void> {
    if (this.restored) return;
    const { spool, journal, health } = this.options;
    const opened = await health.attempt('spool', () => spool.ready());
    if (!opened) return;
    let bytes: Buffer | null;
    try {
      bytes = await readIfPresent(journal);
    } catch (error) {
      bytes = Buffer.alloc(0);
      health.report('journal', error);
    }
    if (bytes) {
      const { frames, damagedTail } = decodeFrames(bytes);
      const ofThisSpool = (decodeHeader(bytes) ?? spool.id) === spool.id;
      // Records numbered below the spool's next number were appended before the process ended.
      const left = ofThisSpool ? frames.filter((frame) => frame.seq >= spool.nextSeq) : [];
      if (left.length > 0) await spool.append(left.map((frame) => frame.payload));
      // A journal is written as a whole: what cannot be read of it are records that are lost.
      this.dropped += lostOf(frames, damagedTail, ofThisSpool);
      await rm(journal, { recursive: true, force: true }).catch((error: unknown) => health.report('journal', error));
    }
    this.restored = true;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  private writeJournal(): Promise<void> {
    return this.exclusively(async () => {
      const { spool, journal, health } = this.options;
      // Without a spool there are no numbers, and the journal of the run before must stay.
      if (!this.dirty || !this.restored) return;
      this.dirty = false;
      const first = spool.nextSeq;
      const payloads = [...this.pending, ...this.window.records(this.now()).map(encodeRecord)];
      const frames = payloads.map((payload, i) => encodeFrame({ seq: first + i, payload }));
      const content = Buffer.concat([encodeHeader(spool.id), ...frames]);
      this.dirty = !(await health.attempt('journal', () => writeAtomic(journal, content)));
    });
  }

  private exclusively(work: () => Promise<void>): Promise<void> {
    const turn = this.queue.then(work);
    this.queue = turn.catch(() => undefined);
    return turn;
  }
}

/** Records of a journal that are damaged: numbers missing between the others, its end, or all that it held. */
function lostOf(frames: readonly Frame[], damagedTail: number, readable: boolean): number {
  const [first, last] = [frames[0], frames.at(-1)];
  if (!readable || !first || !last) return Math.max(1, frames.length);
  return last.seq - first.seq + 1 - frames.length + damagedTail;
}
