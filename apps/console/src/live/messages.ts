/** What tabs and the hub say to each other. */

export type LiveState =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  /** Nothing was heard from the control plane after `since`, in milliseconds since 1970. */
  | { readonly state: 'stale'; readonly since: number };

export type ToHub =
  /** All topics that the tab follows; said again from time to time, so that the hub knows that the tab is there. */
  | { readonly type: 'follow'; readonly topics: readonly string[] }
  | { readonly type: 'bye' }
  /** Who is logged in by now, null for nobody. */
  | { readonly type: 'session'; readonly user: string | null };

export type ToTab =
  | { readonly type: 'state'; readonly state: LiveState }
  | { readonly type: 'event'; readonly topic: string; readonly event: unknown }
  | { readonly type: 'refused'; readonly topic: string }
  /** Events were lost: what the tab shows must be read again. */
  | { readonly type: 'missed' }
  | { readonly type: 'session'; readonly user: string | null };

/** A tab, as the hub sees it. */
export interface Port {
  post(message: ToTab): void;
}
