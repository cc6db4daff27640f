/**
 * The one stream of a browser, and the tabs that share it. It follows what any tab follows. A stream for other topics is open before the
 * present one is closed, so that nothing falls between.
 */
import { MAX_TOPICS } from '@verge/contracts';
import { Connection } from './connection.js';
import type { LiveState, Port, ToHub, ToTab } from './messages.js';

/** Tabs that open, or move to another page, change topics several times in a moment. */
const GATHER_MS = 60;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15_000;
/** A tab that was not heard for so long is gone: tabs that crash do not say goodbye. */
const FORGET_MS = 5 * 60_000;

interface Tab {
  topics: ReadonlySet<string>;
  heardAt: number;
}

export class Hub {
  private readonly tabs = new Map<Port, Tab>();
  private current: Connection | null = null;
  /** On its way to take the place of `current`. */
  private next: Connection | null = null;
  private state: LiveState = { state: 'connecting' };
  private heardAt = Date.now();
  private missed = false;
  private failures = 0;
  /** The session is over: nothing is asked until somebody is logged in. */
  private over = false;
  private gathering: ReturnType<typeof setTimeout> | undefined;
  private retrying: ReturnType<typeof setTimeout> | undefined;

  receive(port: Port, message: ToHub): void {
    this.forgetLost();
    if (message.type === 'bye') this.tabs.delete(port);
    else if (message.type === 'session') return this.changeSession(port, message.user);
    else {
      if (!this.tabs.has(port)) {
        port.post({ type: 'state', state: this.state });
        // It has just been let in.
        this.over = false;
      }
      this.tabs.set(port, { topics: new Set(message.topics), heardAt: Date.now() });
    }
    this.gathering ??= setTimeout(() => {
      this.gathering = undefined;
      this.reconcile();
    }, GATHER_MS);
  }

  private changeSession(from: Port | null, user: string | null): void {
    for (const port of this.tabs.keys()) if (port !== from) port.post({ type: 'session', user });
    this.over = user === null;
    this.closeAll();
    this.say({ state: 'connecting' });
    if (!this.over) {
      this.missed = true;
      this.reconcile();
    }
  }

  /** Brings the stream into line with what the tabs follow. */
  private reconcile(): void {
    const wanted = this.wanted();
    if (wanted.size === 0) {
      this.closeAll();
      return this.say({ state: 'connecting' });
    }
    if (this.over || this.retrying !== undefined) return;
    const covered = (by: Connection | null): boolean =>
      by !== null && [...wanted].every((topic) => by.topics.has(topic));
    if (covered(this.next)) return;
    this.next?.close();
    this.next = null;
    if (!covered(this.current)) this.open(wanted);
  }

  /** Projects first: their events are what every page lives on. */
  private wanted(): ReadonlySet<string> {
    const all = new Set([...this.tabs.values()].flatMap(({ topics }) => [...topics]));
    const rank = (topic: string): string => (topic.startsWith('project:') ? '0' : '1') + topic;
    return new Set([...all].sort((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, MAX_TOPICS));
  }

  private open(topics: ReadonlySet<string>): void {
    this.next = new Connection(topics, {
      onFollowing: (connection) => this.opened(connection),
      onEvent: (topic, event) => this.tell(topic, { type: 'event', topic, event }),
      onRefused: (topic) => this.tell(topic, { type: 'refused', topic }),
      onEnd: (connection, status) => this.ended(connection, status),
    });
  }

  private opened(connection: Connection): void {
    if (connection !== this.next) return;
    this.current?.close();
    this.current = connection;
    this.next = null;
    this.failures = 0;
    this.say({ state: 'live' });
    if (!this.missed) return;
    this.missed = false;
    for (const port of this.tabs.keys()) port.post({ type: 'missed' });
  }

  private ended(connection: Connection, status: number | undefined): void {
    this.heardAt = Math.max(this.heardAt, connection.heardAt ?? 0);
    if (connection === this.next) this.next = null;
    if (connection === this.current) this.current = null;
    if (status === 401) return this.changeSession(null, null);
    if (this.current === null) {
      this.missed = true;
      this.say({ state: 'stale', since: this.heardAt });
    }
    if (this.next !== null || this.retrying !== undefined) return;
    const most = Math.min(FIRST_RETRY_MS * 2 ** this.failures++, LAST_RETRY_MS);
    // Spread over half of the pause: the browsers of a whole site come back one after another.
    const pause = most * (1 - Math.random() / 2);
    this.retrying = setTimeout(() => {
      this.retrying = undefined;
      this.reconcile();
    }, pause);
  }

  private closeAll(): void {
    clearTimeout(this.retrying);
    this.retrying = undefined;
    this.current?.close();
    this.next?.close();
    this.current = this.next = null;
    this.failures = 0;
  }

  private tell(topic: string, message: ToTab): void {
    for (const [port, tab] of this.tabs) if (tab.topics.has(topic)) port.post(message);
  }

  private say(state: LiveState): void {
    this.state = state;
    for (const port of this.tabs.keys()) port.post({ type: 'state', state });
  }

  private forgetLost(): void {
    const before = Date.now() - FORGET_MS;
    for (const [port, tab] of this.tabs) if (tab.heardAt < before) this.tabs.delete(port);
  }
}
