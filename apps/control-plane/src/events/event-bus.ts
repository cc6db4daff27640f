/**
 * What one part of the system tells the others, within this process and, through Postgres LISTEN/NOTIFY, in every other
 * control plane on the same database. Delivery is at most once: a subscriber reads the state again after it connects, and
 * after a gap, in which events of others may have been lost.
 */
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { ProjectEvent } from '@verge/contracts';
import type { Logger } from 'pino';
import type { DatabaseService } from '../database/database.service.js';
import { Listener as PostgresListener } from './listener.js';

const CHANNEL = 'verge_events';
/** NOTIFY carries at most 8000 bytes. */
const MAX_PAYLOAD_BYTES = 7_900;
const COALESCE_MS = 40;
/** Not a topic that anything publishes to. */
const GAP = Symbol('gap');

export type ChangeType = ProjectEvent['type'];
type Listener = (payload: unknown) => void;

interface Message {
  readonly origin: string;
  /** Absent: events of the origin were lost. */
  readonly topic?: string;
  readonly payload?: unknown;
}

export class EventBus {
  private readonly origin = randomUUID();
  private readonly emitter = new EventEmitter().setMaxListeners(0);
  private readonly changes = new Map<string, { topic: string; event: ProjectEvent }>();
  private readonly listener: PostgresListener;
  private timer: NodeJS.Timeout | undefined;
  /** Others did not get an event of ours and are not yet told so. */
  private lost = false;
  private closed = false;

  constructor(
    private readonly database: DatabaseService,
    private readonly log: Logger,
  ) {
    this.listener = new PostgresListener({
      url: database.url,
      channel: CHANNEL,
      log,
      onMessage: (text) => this.receive(text),
      onGap: () => this.tellGap(),
    });
  }

  /** Resolves when it listens for the first time. */
  async start(): Promise<void> {
    await this.listener.start();
  }

  /** Sends to the topic's subscribers in every control plane. The payload is JSON; one of more than
   * a few kilobytes stays in this process. */
  publish(topic: string, payload: unknown): void {
    this.emitter.emit(topic, payload);
    const message = JSON.stringify({ origin: this.origin, topic, payload } satisfies Message);
    if (Buffer.byteLength(message) > MAX_PAYLOAD_BYTES) {
      this.log.warn({ topic }, 'an event is too large for the other control planes; their readers see it later');
      return;
    }
    this.notify(message).catch((err: unknown) => {
      this.lost = true;
      if (!this.closed) this.log.warn({ err, topic }, 'an event did not reach the other control planes');
    });
  }

  /** @returns a function that ends the subscription */
  subscribe(topic: string, listener: Listener): () => void {
    this.emitter.on(topic, listener);
    return () => void this.emitter.off(topic, listener);
  }

  /** After a time in which events of other control planes may have been lost: the state must be read again. */
  onGap(listener: () => void): () => void {
    this.emitter.on(GAP, listener);
    return () => void this.emitter.off(GAP, listener);
  }

  /**
   * Tells the project's feed that a resource changed; changes of one resource within 40 ms become one event.
   * @param routine nothing has changed but what is told all the time
   */
  changed(projectId: string, type: ChangeType, id: string, routine = false): void {
    const topic = `project:${projectId}`;
    const key = `${topic} ${type} ${id}`;
    const before = this.changes.get(key);
    const all = routine && (before === undefined || before.event.routine === true);
    const event = { type, id, at: new Date().toISOString(), ...(all ? { routine: true as const } : {}) };
    this.changes.set(key, { topic, event });
    this.timer ??= setTimeout(() => this.flush(), COALESCE_MS);
  }

  onProjectChange(projectId: string, listener: (event: ProjectEvent) => void): () => void {
    return this.subscribe(`project:${projectId}`, listener as Listener);
  }

  private flush(): void {
    this.timer = undefined;
    const changes = [...this.changes.values()];
    this.changes.clear();
    for (const { topic, event } of changes) this.publish(topic, event);
  }

  private receive(text: string): void {
    try {
      const { origin, topic, payload } = JSON.parse(text) as Message;
      if (origin !== this.origin) this.emitter.emit(topic ?? GAP, payload);
    } catch (err) {
      this.log.warn({ err }, 'an event of another control plane could not be read');
    }
  }

  private tellGap(): void {
    this.emitter.emit(GAP);
    if (!this.lost) return;
    this.lost = false;
    this.notify(JSON.stringify({ origin: this.origin } satisfies Message)).catch((err: unknown) => {
      this.lost = true;
      this.log.warn({ err }, 'the other control planes could not be told of lost events');
    });
  }

  private async notify(message: string): Promise<void> {
    await this.database.pool.query('SELECT pg_notify($1, $2)', [CHANNEL, message]);
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    this.flush();
    this.closed = true;
    clearTimeout(this.timer);
    await this.listener.close();
  }
}
