/**
 * One connection that listens on one channel, for ever: one loop owns it, so that there is never a second one, whatever
 * breaks and how often.
 */
import { Socket } from 'node:net';
import { Client } from 'pg';
import type { Logger } from 'pino';
import { pause, retryDelayMs } from '../background.js';

const CONNECT_MS = 5_000;
/** A network that swallows everything breaks no connection: only an answer shows that it is there. */
const PROBE_MS = 15_000;
const ANSWER_MS = 5_000;
const HANG_UP_MS = 1_000;

export interface ListenerOptions {
  readonly url: string;
  /** A plain SQL name. */
  readonly channel: string;
  readonly onMessage: (text: string) => void;
  /** It listens again after it did not. */
  readonly onGap: () => void;
  readonly log: Logger;
}

export class Listener {
  private readonly ending = new AbortController();
  private running: Promise<void> | undefined;

  constructor(private readonly options: ListenerOptions) {}

  /** Resolves when it listens for the first time. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.running ??= this.keepListening(resolve);
      this.running.then(() => reject(new Error('closed before it listened')), reject);
    });
  }

  async close(): Promise<void> {
    this.ending.abort();
    await this.running;
  }

  private async keepListening(onFirst: () => void): Promise<void> {
    const { log, channel, onGap } = this.options;
    const { signal } = this.ending;
    let before = false;
    for (let failures = 0; !signal.aborted;) {
      const onListening = (): void => {
        failures = 0;
        if (before) {
          log.info({ channel }, 'listens to the database again');
          onGap();
        } else onFirst();
        before = true;
      };
      const reason = await this.listenOnce(onListening).catch((err: unknown) => err);
      if (signal.aborted) return;
      failures++;
      log.warn({ err: reason, channel, failures }, 'does not listen to the database; connecting again');
      await pause(retryDelayMs(failures, Math.random()), signal);
    }
  }

  /** Until the connection breaks or this is closed; nothing of it is left behind. @returns why it ended */
  private async listenOnce(onListening: () => void): Promise<unknown> {
    const socket = new Socket();
    const client = new Client({
      stream: () => socket,
      connectionString: this.options.url,
      application_name: 'verge-events',
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
    });
    const broken = new AbortController();
    client.on('error', (error) => broken.abort(error));
    client.on('end', () => broken.abort(new Error('the connection ended')));
    client.on('notification', (message) => this.options.onMessage(message.payload ?? ''));
    const signal = AbortSignal.any([broken.signal, this.ending.signal]);
    try {
      await client.connect();
      await client.query(`LISTEN ${this.options.channel}`);
      onListening();
      while (await pause(PROBE_MS, signal)) await client.query('SELECT 1');
      return broken.signal.reason;
    } finally {
      // In the orderly way, and by force where nobody answers.
      const answered = client.end().catch((err: unknown) => err);
      const late = new AbortController();
      await Promise.race([answered, pause(HANG_UP_MS, late.signal)]);
      late.abort();
      socket.destroy();
    }
  }
}
