/**
 * What one part of the system tells the others, within this process and, through Postgres LISTEN/NOTIFY, in every other
 * control plane on the same database. Delivery is at most once: a subscriber reads the state again after it connects.
 */
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { ProjectEvent } from '@verge/contracts';
import { Client } from 'pg';
import type { Logger } from 'pino';
import type { DatabaseService } from '../database/database.service.js';

const CHANNEL = 'verge_events';
/** NOTIFY carries at most 8000 bytes. */
const MAX_PAYLOAD_BYTES = 7_900;
const COALESCE_MS = 40;
const RECONNECT_MS = 1_000;

export type ChangeType = ProjectEvent['type'];
type Listener = (payload: unknown) => void;

export class EventBus {
  private readonly origin = randomUUID();
  private readonly emitter = new EventEmitter().setMaxListeners(0);
  private readonly changes = new Map<string, { topic: string; event: ProjectEvent }>();
  private timer: NodeJS.Timeout | undefined;
  private listener: Client | undefined;
  private closed = false;

  constructor(
    private readonly database: DatabaseService,
    private readonly log: Logger,
  ) {}

  async start(): Promise<void> {
    const client = new Client({ connectionString: this.database.url, keepAlive: true });
    client.on('error', () => this.reconnect(client));
    client.on('end', () => this.reconnect(client));
    client.on('notification', (message) => this.receive(message.payload ?? ''));
    await client.connect();
    await client.query(`LISTEN ${CHANNEL}`);
    this.listener = client;
  }

  /** Sends to the topic's subscribers in every control plane. The payload is JSON; one of more than
   * a few kilobytes stays in this process. */
  publish(topic: string, payload: unknown): void {
    this.emitter.emit(topic, payload);
    const message = JSON.stringify({ origin: this.origin, topic, payload });
    if (Buffer.byteLength(message) > MAX_PAYLOAD_BYTES) {
      this.log.warn({ topic }, 'an event is too large for the other control planes; their readers see it later');
      return;
    }
    this.database.pool.query('SELECT pg_notify($1, $2)', [CHANNEL, message]).catch((err: unknown) => {
      if (!this.closed) this.log.warn({ err, topic }, 'an event did not reach the other control planes');
    });
  }

  /** @returns a function that ends the subscription */
  subscribe(topic: string, listener: Listener): () => void {
    this.emitter.on(topic, listener);
    return () => void this.emitter.off(topic, listener);
  }

  /** Tells the project's feed that a resource changed; changes of one resource within 40 ms become one event. */
  changed(projectId: string, type: ChangeType, id: string): void {
    const topic = `project:${projectId}`;
    this.changes.set(`${topic} ${type} ${id}`, { topic, event: { type, id, at: new Date().toISOString() } });
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
      const { origin, topic, payload } = JSON.parse(text) as { origin: string; topic: string; payload: unknown };
      if (origin !== this.origin) this.emitter.emit(topic, payload);
    } catch (err) {
      this.log.warn({ err }, 'an event of another control plane could not be read');
    }
  }

  private reconnect(broken: Client): void {
    if (this.closed || (this.listener && this.listener !== broken)) return;
    this.listener = undefined;
    broken.removeAllListeners();
    broken.on('error', () => undefined);
    const retry = (): void => {
      if (this.closed) return;
      this.start().catch(() => void setTimeout(retry, RECONNECT_MS).unref());
    };
    setTimeout(retry, RECONNECT_MS).unref();
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    this.flush();
    this.closed = true;
    clearTimeout(this.timer);
    await this.listener?.end().catch(() => undefined);
  }
}
