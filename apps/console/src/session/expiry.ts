/** Whether the session has ended while the page is open. What is typed on the page stays: the login is asked for on top of it. */
import { useSyncExternalStore } from 'react';
import { live } from '../live/live.js';

let ended = false;
const listeners = new Set<() => void>();

function set(next: boolean): void {
  if (ended === next) return;
  ended = next;
  for (const listener of listeners) listener();
}

/** An answer said so: the other tabs share the session, and are told. */
export function sessionExpired(): void {
  if (!ended) live.saySession(null);
  set(true);
}

/** Another tab said so. */
export const sessionEndedElsewhere = (): void => set(true);
export const sessionRenewed = (): void => set(false);

export function useSessionEnded(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => ended,
  );
}
