/** Delivers the spool to the control plane: at least once, in order, forgotten only after the acknowledgement. */
import { status } from '@grpc/grpc-js';
import { telemetryLimits } from '@verge/contracts';
import type { TelemetryAckReceived, TelemetryBatch } from '@verge/contracts/grpc';
import { backoffMs, Bell } from '../backoff.js';
import { reasonOf } from '../errors.js';
import type { Log } from '../log/logger.js';
import { decodeRecord } from './record-codec.js';
import type { Frame } from './segment.js';
import type { Spool } from './spool.js';

/** gRPC servers refuse messages beyond 4 MiB unless told otherwise. */
const maxBatchBytes = 2 * 1024 * 1024;

export interface UploaderOptions {
  spool: Spool;
  push: (batch: TelemetryBatch) => Promise<TelemetryAckReceived>;
  log: Log;
}

export class Uploader {
  private stopped = false;
  private readonly bell = new Bell();
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: UploaderOptions) {}

  start(): void {
    this.running = this.loop();
  }

  /** New records may be there, or the control plane can be reached again. */
  nudge(): void {
    this.bell.ring();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.bell.ring();
    await this.running;
  }

  private async loop(): Promise<void> {
    let failures = 0;
    let most: number = telemetryLimits.recordsPerBatch;
    while (!this.stopped) {
      try {
        const frames = await this.options.spool.read(most, maxBatchBytes);
        if (frames.length === 0) {
          await this.bell.wait();
          continue;
        }
        if (await this.deliver(frames)) most = Math.min(telemetryLimits.recordsPerBatch, most * 2);
        // A batch that is refused for good is halved until the one record is found that cannot go.
        else most = Math.max(1, Math.floor(frames.length / 2));
        failures = 0;
      } catch (error) {
        this.options.log.debug({ err: reasonOf(error), failures }, 'telemetry was not delivered; trying again');
        await this.bell.wait(backoffMs(failures++, Math.random()));
      }
    }
  }

  /** @returns false when the control plane refuses what is in the batch */
  private async deliver(frames: readonly Frame[]): Promise<boolean> {
    const { spool, push, log } = this.options;
    const last = frames.at(-1)!.seq;
    await spool.markSent(last);
    try {
      const records = frames.map(({ seq, payload }) => ({ ...decodeRecord(payload), seq }));
      // What is missing below the oldest was dropped here, and the control plane need not wait for it.
      const ack = await push({ spoolId: spool.id, records, oldestSeq: frames[0]!.seq });
      await spool.acknowledge(Math.min(ack.throughSeq, last));
      if (ack.throughSeq < frames[0]!.seq) throw new Error(`acknowledged through ${ack.throughSeq} only`);
      return true;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === status.INVALID_ARGUMENT)) throw error;
      if (frames.length === 1) {
        log.error({ seq: last, err: reasonOf(error) }, 'a telemetry record was refused and is dropped');
        await spool.discard(last);
      }
      return false;
    }
  }
}
