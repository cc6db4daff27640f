/** Holds the Watch stream open: whatever ends it, it is opened again after a back-off. */
import type { ClientReadableStream } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { DesiredStateReceived } from '@verge/contracts/grpc';
import { backoffMs, reconnectBackoff, sleep } from '../backoff.js';
import { reasonOf } from '../errors.js';
import type { Log } from '../log/logger.js';
import { isGrpcError } from './connection.js';

export interface WatcherOptions {
  open: (generation: number) => ClientReadableStream<DesiredStateReceived>;
  /** The generation that the device acts on. */
  generation: () => number;
  onDesired: (desired: DesiredStateReceived) => void;
  /** Connected or not; also what the log says. */
  onConnected: (connected: boolean) => void;
  log: Log;
}

export class Watcher {
  private readonly stopped = new AbortController();
  private stream: ClientReadableStream<DesiredStateReceived> | null = null;
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: WatcherOptions) {}

  start(): void {
    this.running = this.loop();
  }

  /** Opens the stream anew, with the newest certificate. */
  reopen(): void {
    this.stream?.cancel();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.stream?.cancel();
    await this.running;
  }

  private async loop(): Promise<void> {
    const { log, onConnected } = this.options;
    let failures = 0;
    while (!this.stopped.signal.aborted) {
      let heard = false;
      try {
        await this.listen(() => {
          if (!heard) onConnected(true);
          heard = true;
        });
      } catch (error) {
        const revoked = isGrpcError(error) && [status.PERMISSION_DENIED, status.UNAUTHENTICATED].includes(error.code);
        if (this.stopped.signal.aborted) return;
        if (revoked) log.error({ err: reasonOf(error) }, 'the control plane refuses this device; what runs goes on');
        else log.info({ err: reasonOf(error), failures }, 'not connected to the control plane');
        // A refusal does not pass in a second.
        if (revoked) failures = Math.max(failures, 6);
      }
      onConnected(false);
      if (this.stopped.signal.aborted) return;
      failures = heard ? 0 : failures + 1;
      await sleep(backoffMs(failures, Math.random(), reconnectBackoff), this.stopped.signal);
    }
  }

  /** Until the stream ends or fails. */
  private async listen(heard: () => void): Promise<void> {
    const stream = (this.stream = this.options.open(this.options.generation()));
    // The headers tell that the server took the call; the first state may come later.
    stream.on('metadata', heard);
    try {
      for await (const desired of stream as AsyncIterable<DesiredStateReceived>) {
        heard();
        this.options.onDesired(desired);
      }
    } finally {
      stream.cancel();
      this.stream = null;
    }
  }
}
