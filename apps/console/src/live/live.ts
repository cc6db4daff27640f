/** What this tab follows, and who in it listens. */
import type { LiveState, ToTab } from './messages.js';
import { openTransport, type Transport } from './transport.js';

/** The hub forgets a tab that it does not hear; browsers let timers of hidden tabs run once a minute. */
const HERE_MS = 60_000;

export type TabState = LiveState | { readonly state: 'refused' };
type Listener = (event: unknown) => void;

class Live {
  private readonly topics = new Map<string, Set<Listener>>();
  private readonly refused = new Set<string>();
  private readonly changeListeners = new Set<() => void>();
  private readonly missedListeners = new Set<() => void>();
  private readonly sessionListeners = new Set<(user: string | null) => void>();
  private state: LiveState = { state: 'connecting' };
  private transport: Transport | null = null;
  private telling = false;
  /** Another hub took over: what happened between the two nobody told. */
  private gap = false;

  /** @returns a function that ends it */
  follow(topic: string, listener: Listener): () => void {
    const listeners = this.topics.get(topic) ?? new Set();
    this.topics.set(topic, listeners.add(listener));
    this.refused.delete(topic);
    this.tell();
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.topics.get(topic) === listeners) this.topics.delete(topic);
      this.tell();
    };
  }

  /** How it stands with a topic; the same object while it is the same. */
  stateOf(topic?: string): TabState {
    return topic !== undefined && this.refused.has(topic) ? refusedState : this.state;
  }

  onChange = (listener: () => void): (() => void) => added(this.changeListeners, listener);
  /** Events were lost: everything shown must be read again. */
  onMissed = (listener: () => void): (() => void) => added(this.missedListeners, listener);
  /** Somebody logged in or out in another tab, or the session is over. */
  onSession(listener: (user: string | null) => void): () => void {
    this.open();
    return added(this.sessionListeners, listener);
  }

  /** Tells the other tabs who is logged in here by now: null for nobody. */
  saySession(user: string | null): void {
    this.open().post({ type: 'session', user });
  }

  private open(): Transport {
    if (this.transport) return this.transport;
    this.transport = openTransport({ receive: (message) => this.receive(message), onNewHub: () => this.beginAnew() });
    setInterval(() => this.tell(), HERE_MS);
    document.addEventListener('visibilitychange', () => this.tell());
    window.addEventListener('pagehide', () => this.transport?.post({ type: 'bye' }));
    // Taken out of the browser's cache of pages: nothing was heard meanwhile.
    window.addEventListener('pageshow', ({ persisted }) => {
      if (!persisted) return;
      this.tell();
      for (const listener of this.missedListeners) listener();
    });
    return this.transport;
  }

  private beginAnew(): void {
    this.gap ||= this.state.state !== 'connecting';
    this.tell();
  }

  /** Once for all that a page begins and ends to follow in one go. */
  private tell(): void {
    if (this.telling) return;
    this.telling = true;
    queueMicrotask(() => {
      this.telling = false;
      this.open().post({ type: 'follow', topics: [...this.topics.keys()] });
    });
  }

  private receive(message: ToTab): void {
    if (message.type === 'event') for (const listener of this.topics.get(message.topic) ?? []) listener(message.event);
    else if (message.type === 'session') for (const listener of this.sessionListeners) listener(message.user);
    else if (message.type === 'missed') for (const listener of this.missedListeners) listener();
    else {
      if (message.type === 'state') this.state = message.state;
      else this.refused.add(message.topic);
      for (const listener of this.changeListeners) listener();
      if (!this.gap || this.state.state !== 'live') return;
      this.gap = false;
      for (const listener of this.missedListeners) listener();
    }
  }
}

const refusedState = { state: 'refused' } as const;

function added<T>(to: Set<T>, listener: T): () => void {
  to.add(listener);
  return () => to.delete(listener);
}

export const live = new Live();
