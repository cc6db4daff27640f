/**
 * Status reports. Many changes within one call become one report of the newest state; a report that did not arrive is sent
 * again with what is true by then.
 */
import type { StatusReport } from '@verge/contracts/grpc';
import { backoffMs, Bell } from '../backoff.js';
import { reasonOf } from '../errors.js';
import type { Log } from '../log/logger.js';

export interface ReporterOptions {
  snapshot: () => Promise<StatusReport>;
  send: (report: StatusReport) => Promise<void>;
  log: Log;
}

export class Reporter {
  private dirty = false;
  private stopped = false;
  private readonly bell = new Bell();
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: ReporterOptions) {}

  start(): void {
    this.running = this.loop();
  }

  /** Something changed, or the control plane can be reached again. */
  changed(): void {
    this.dirty = true;
    this.bell.ring();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.bell.ring();
    await this.running;
  }

  private async loop(): Promise<void> {
    let failures = 0;
    while (!this.stopped) {
      if (!this.dirty) {
        await this.bell.wait();
        continue;
      }
      this.dirty = false;
      try {
        await this.options.send(await this.options.snapshot());
        failures = 0;
      } catch (error) {
        this.dirty = true;
        this.options.log.debug({ err: reasonOf(error), failures }, 'the status report was not delivered');
        await this.bell.wait(backoffMs(failures++, Math.random()));
      }
    }
  }
}
