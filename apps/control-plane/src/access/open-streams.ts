/**
 * Every stream that is open in this control plane, by the credential that it was opened with. A stream can outlive the right to it,
 * which a single call cannot: it is cut when its credential is revoked, expires, or loses its role or its project.
 */
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../core-tokens.js';
import { DatabaseService } from '../database/database.service.js';
import { EventBus } from '../events/event-bus.js';
import { ACCESS_TOPIC, keysOf, type AccessKey, type Holder } from './holders.js';
import { stillHolding } from './still-holding.js';

/** An announcement can be lost, so people's streams are asked about this often; a device's at every third time. */
const RECHECK_MS = 5_000;
const DEVICE_ROUNDS = 3;

export type Cut = (why: 'revoked' | 'expired') => void;
interface OpenStream {
  readonly holder: Holder;
  readonly cut: Cut;
}

@Injectable()
export class OpenStreams implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly open = new Map<AccessKey, Set<OpenStream>>();
  private readonly all = new Set<OpenStream>();
  private unsubscribe: (() => void) | undefined;
  private timer: NodeJS.Timeout | undefined;
  private dueAt = Infinity;
  private lastRecheckAt = 0;
  private rounds = 0;

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.bus.subscribe(ACCESS_TOPIC, (keys) => this.changed(keys as AccessKey[]));
    this.lastRecheckAt = Date.now();
    this.schedule(this.lastRecheckAt + RECHECK_MS);
  }

  onApplicationShutdown(): void {
    this.unsubscribe?.();
    clearTimeout(this.timer);
    this.dueAt = -Infinity;
  }

  /** @returns a function to call when the stream has ended by itself */
  add(holder: Holder, cut: Cut): () => void {
    const stream = { holder, cut };
    this.all.add(stream);
    for (const key of keysOf(holder)) {
      const streams = this.open.get(key) ?? new Set();
      this.open.set(key, streams.add(stream));
    }
    if (holder.expiresAt) this.schedule(holder.expiresAt.getTime());
    return () => this.remove(stream);
  }

  /** Asks again about the streams of these credentials, users and devices, and cuts those that have lost their right. */
  private changed(keys: readonly AccessKey[]): void {
    const streams = new Set(keys.flatMap((key) => [...(this.open.get(key) ?? [])]));
    this.check([...streams]).catch((err: unknown) =>
      // The next periodic check asks again.
      this.log.warn({ err }, 'it could not be asked whether open streams may go on'),
    );
  }

  private remove(stream: OpenStream): void {
    this.all.delete(stream);
    for (const key of keysOf(stream.holder)) {
      const streams = this.open.get(key);
      streams?.delete(stream);
      if (streams?.size === 0) this.open.delete(key);
    }
  }

  private end(stream: OpenStream, why: Parameters<Cut>[0]): void {
    if (!this.all.has(stream)) return;
    this.remove(stream);
    stream.cut(why);
  }

  private async check(streams: readonly OpenStream[]): Promise<void> {
    if (streams.length === 0) return;
    const holding = await stillHolding(
      this.database.pool,
      streams.map((s) => s.holder),
    );
    for (const stream of streams) if (!holding.has(stream.holder)) this.end(stream, 'revoked');
  }

  /** One timer for all: it fires at the next expiry, or at the next periodic check. */
  private schedule(at: number): void {
    if (at >= this.dueAt) return;
    clearTimeout(this.timer);
    this.dueAt = at;
    this.timer = setTimeout(
      () => {
        this.dueAt = Infinity;
        this.tick(Date.now());
      },
      Math.max(0, at - Date.now()),
    );
  }

  private tick(now: number): void {
    let next = Math.max(this.lastRecheckAt + RECHECK_MS, now);
    for (const stream of [...this.all]) {
      const expiresAt = stream.holder.expiresAt?.getTime() ?? Infinity;
      if (expiresAt <= now) this.end(stream, 'expired');
      else next = Math.min(next, expiresAt);
    }
    if (now < this.lastRecheckAt + RECHECK_MS) return this.schedule(next);
    this.lastRecheckAt = now;
    this.rounds++;
    const withDevices = this.rounds % DEVICE_ROUNDS === 0;
    const asked = [...this.all].filter((s) => withDevices || s.holder.kind !== 'device');
    this.check(asked)
      // The database is away: nothing new is let in meanwhile, and what is open gets nothing new either.
      .catch((err: unknown) => this.log.warn({ err }, 'it could not be asked whether open streams may go on'))
      .finally(() => this.schedule(Math.min(next, now + RECHECK_MS)));
  }
}
