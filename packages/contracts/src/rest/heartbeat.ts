/** How streams of events say that they live, and how much one may follow. */

/** A stream that has nothing to tell says at least that it is there, this often. */
export const HEARTBEAT_MS = 5_000;
/** Topics of one stream at most: its address must stay shorter than servers and proxies take. */
export const MAX_TOPICS = 100;
