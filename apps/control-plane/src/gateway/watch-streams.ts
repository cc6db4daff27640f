/**
 * The open watch streams of this control plane. Each gets the newest desired state when it changes; states that were
 * overtaken while a slow device read are not sent.
 */
import { hostname } from 'node:os';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { DesiredState, WatchRequestReceived } from '@verge/contracts/grpc';
import type { Logger } from 'pino';
import { RepeatedTask } from '../background.js';
import type { DatabaseService } from '../database/database.service.js';
import type { WatchedDevice } from '../devices/desired-state.js';
import { DESIRED_TOPIC, readDesired } from '../devices/desired-state.js';
import type { EventBus } from '../events/event-bus.js';
import { GatewayError, toServiceError } from './status.js';
import { writeMessage } from './write-stream.js';

export type WatchCall = ServerWritableStream<WatchRequestReceived, DesiredState>;

/** A device counts as online this long after the last sign of its stream; streams are confirmed three times in it. */
const onlineMs = 45_000;

class WatchStream {
  private sent = -1;
  private next: WatchedDevice | null = null;
  private writing = false;

  constructor(readonly call: WatchCall) {}

  push(device: WatchedDevice): void {
    if (!device.active) return this.cut(new GatewayError('PERMISSION_DENIED', 'the device was revoked'));
    if (device.generation <= this.sent) return;
    this.next = device;
    if (this.writing) return;
    this.write().catch((error: unknown) => {
      this.writing = false;
      this.cut(new GatewayError('UNAVAILABLE', 'the desired state could not be sent', { cause: error }));
    });
  }

  cut(error: GatewayError): void {
    if (!this.call.destroyed) this.call.emit('error', toServiceError(error));
  }

  private async write(): Promise<void> {
    this.writing = true;
    while (this.next !== null) {
      const { generation, desired } = this.next;
      this.next = null;
      this.sent = generation;
      if (!(await writeMessage(this.call, desired))) break;
    }
    this.writing = false;
  }
}

export interface WatchStreamsOptions {
  readonly reportIntervalSeconds: number;
  /** Milliseconds between confirmations of the open streams, which also catch an announcement that was lost. */
  readonly confirmMs?: number;
}

export class WatchStreams {
  readonly gatewayId = `${hostname()}:${process.pid}:${Math.random().toString(36).slice(2, 8)}`;
  private readonly open = new Map<string, Set<WatchStream>>();
  private readonly changed = new Set<string>();
  private flushing = false;
  private unsubscribe: (() => void) | undefined;
  private endGaps: (() => void) | undefined;
  private readonly confirming: RepeatedTask;
  private stopped = false;

  constructor(
    private readonly database: DatabaseService,
    private readonly bus: EventBus,
    private readonly log: Logger,
    private readonly options: WatchStreamsOptions,
  ) {
    const task = (): Promise<void> => this.confirm();
    const everyMs = options.confirmMs ?? onlineMs / 3;
    this.confirming = new RepeatedTask({ name: 'confirming the open device streams', everyMs, task, log });
  }

  start(): void {
    this.unsubscribe = this.bus.subscribe(DESIRED_TOPIC, (ids) => this.onChanged(ids as string[]));
    this.endGaps = this.bus.onGap(() => this.onChanged([...this.open.keys()]));
    this.confirming.start();
  }

  /** Ends every stream; devices see UNAVAILABLE and connect again, to another control plane if there is one. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.unsubscribe?.();
    this.endGaps?.();
    for (const streams of this.open.values())
      for (const stream of streams) stream.cut(new GatewayError('UNAVAILABLE', 'the control plane is going down'));
    const ids = [...this.open.keys()];
    this.open.clear();
    await this.confirming.stop();
    await this.markOffline(ids);
  }

  /** Serves one watch call until either side ends it. */
  async serve(device: { deviceId: string; projectId: string }, call: WatchCall): Promise<void> {
    if (this.stopped) throw new GatewayError('UNAVAILABLE', 'the control plane is going down');
    const { deviceId, projectId } = device;
    const stream = new WatchStream(call);
    const streams = this.open.get(deviceId) ?? new Set();
    this.open.set(deviceId, streams.add(stream));
    const ended = new Promise<void>((resolve) => {
      for (const event of ['cancelled', 'close', 'finish'] as const) call.once(event, () => resolve());
    });
    await this.markOnline([deviceId]);
    this.bus.changed(projectId, 'device', deviceId);
    this.onChanged([deviceId]);
    await ended;
    streams.delete(stream);
    if (streams.size > 0 || this.open.get(deviceId) !== streams) return;
    this.open.delete(deviceId);
    await this.markOffline([deviceId]);
    this.bus.changed(projectId, 'device', deviceId);
  }

  private onChanged(ids: readonly string[]): void {
    for (const id of ids) if (this.open.has(id)) this.changed.add(id);
    if (this.changed.size > 0 && !this.flushing) {
      this.flushing = true;
      // All that changes in one turn is read in one query.
      setImmediate(() => {
        // The next confirmation sends what this one could not.
        this.flush().catch((err: unknown) => this.log.warn({ err }, 'desired states could not be sent'));
      });
    }
  }

  private async flush(): Promise<void> {
    try {
      while (this.changed.size > 0) {
        const ids = [...this.changed];
        this.changed.clear();
        await this.pushTo(ids);
      }
    } finally {
      this.flushing = false;
    }
  }

  private async pushTo(ids: readonly string[]): Promise<void> {
    for (const device of await readDesired(this.database.pool, ids, this.options.reportIntervalSeconds))
      for (const stream of this.open.get(device.id) ?? []) stream.push(device);
  }

  private async confirm(): Promise<void> {
    const ids = [...this.open.keys()];
    if (ids.length === 0) return;
    await this.markOnline(ids);
    await this.pushTo(ids);
  }

  private async markOnline(ids: readonly string[]): Promise<void> {
    await this.database.pool.query(
      // Locked in the order of the ids, as everywhere, so that nobody waits in a circle.
      `WITH locked AS (SELECT id FROM devices WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE)
       UPDATE devices SET online_until = now() + $2 * interval '1 millisecond', last_seen_at = now(), gateway_id = $3
       FROM locked WHERE devices.id = locked.id`,
      [ids, onlineMs, this.gatewayId],
    );
  }

  /** Only where no other control plane has taken the device over meanwhile. */
  private async markOffline(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.database.pool
      .query(
        `WITH locked AS (SELECT id FROM devices WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE)
         UPDATE devices SET online_until = NULL, gateway_id = NULL, last_seen_at = now()
         FROM locked WHERE devices.id = locked.id AND gateway_id = $2`,
        [ids, this.gatewayId],
      )
      .catch((err: unknown) => this.log.warn({ err }, 'devices could not be marked offline'));
  }
}
