/**
 * One stream of events from the control plane. It is read with `fetch`, not with EventSource: that one shows neither the heartbeats,
 * by which a server that has nothing to say is told from one that is gone, nor the status of a refusal.
 */
import { HEARTBEAT_MS } from '@verge/contracts';
import { createParser } from 'eventsource-parser';

/** Two heartbeats are lost, and the third is late. */
export const SILENCE_MS = HEARTBEAT_MS * 2.4;
/** A timer of a browser that slept may fire before what has come meanwhile is read. */
const GRACE_MS = 500;

interface Listener {
  /** From now on everything in the topics is told. */
  onFollowing: (connection: Connection) => void;
  onEvent: (topic: string, event: unknown) => void;
  onRefused: (topic: string) => void;
  /** Once, unless it was closed. `status` is that of a refusal. */
  onEnd: (connection: Connection, status?: number) => void;
}

export class Connection {
  /** When the last byte came; null before the first. */
  heardAt: number | null = null;
  private readonly abort = new AbortController();
  private silence: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly topics: ReadonlySet<string>,
    private readonly listener: Listener,
  ) {
    this.listen();
    this.read().then(
      (status) => this.end(status),
      // Broken, cut by the watchdog, or not to be reached: in each case nothing is heard any more.
      () => this.end(),
    );
  }

  close(): void {
    clearTimeout(this.silence);
    this.abort.abort();
  }

  private end(status?: number): void {
    if (this.abort.signal.aborted) return;
    this.close();
    this.listener.onEnd(this, status);
  }

  /** @returns the status of a refusal; undefined when a stream that was open has ended */
  private async read(): Promise<number | undefined> {
    const query = new URLSearchParams({ topics: [...this.topics].join(',') });
    const response = await fetch(`/api/v1/events?${query}`, {
      headers: { accept: 'text/event-stream' },
      credentials: 'same-origin',
      cache: 'no-store',
      signal: this.abort.signal,
    });
    if (!response.ok || !response.body) return response.status;
    const parser = createParser({ onEvent: ({ data }) => this.take(JSON.parse(data) as Told) });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      this.heardAt = Date.now();
      this.listen();
      parser.feed(value);
    }
  }

  /** What `FollowedEvent` of the contract has; the tabs check the events themselves. */
  private take(told: Told): void {
    if ('following' in told) this.listener.onFollowing(this);
    else if ('refused' in told) this.listener.onRefused(told.topic);
    else this.listener.onEvent(told.topic, told.event);
  }

  /** The watchdog: starts to wait for the next byte. */
  private listen(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.silence = setTimeout(() => this.end(), GRACE_MS);
    }, SILENCE_MS);
  }
}

type Told = { following: string[] } | { topic: string; refused: string } | { topic: string; event: unknown };
