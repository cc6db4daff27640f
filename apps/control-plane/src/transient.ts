/**
 * Whether an error says that Postgres or the queue is away, or busy for a moment. A caller is then told to try again (503
 * with Retry-After, UNAVAILABLE) instead of that the control plane failed, about which it could do nothing.
 */
export function isTransient(error: unknown): boolean {
  return chainOf(error).some(({ code, message }) => {
    if (transientCodes.has(code) || /^(08|53|57P)/.test(code)) return true;
    return lostConnection.test(message) || redisAway.test(message);
  });
}

/**
 * Whether an error is Postgres's refusal of a reference to a row that is gone, or of the deletion of one that is referred to
 * (appendix A: foreign key and restrict violation; P2003 of Prisma).
 */
export function isForeignKeyViolation(error: unknown): boolean {
  return chainOf(error).some(({ code }) => code === '23503' || code === '23001' || code === 'P2003');
}

/** Where a driver's error hides: in `cause`, and in what Prisma's adapter hands on. */
const inside = ['cause', 'meta', 'driverAdapterError'] as const;
const deepest = 8;

function chainOf(error: unknown, depth = 0): { code: string; message: string }[] {
  if (typeof error !== 'object' || error === null || depth > deepest) return [];
  const fields = error as Record<string, unknown>;
  const text = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  return [
    { code: text('code'), message: text('message') },
    { code: text('originalCode'), message: text('originalMessage') },
    { code: text('errorCode'), message: '' },
    ...inside.flatMap((name) => chainOf(fields[name], depth + 1)),
    // Of a host with several addresses.
    ...(error instanceof AggregateError ? error.errors.flatMap((one) => chainOf(one, depth + 1)) : []),
  ];
}

/** What node-postgres and Prisma say without a code. */
const lostConnection =
  /connection terminated|connection timeout|terminating connection|not queryable|timeout exceeded when trying to connect|can't reach database server|server has closed the connection/i;

/** What ioredis says without a code, and how Redis begins an error while it loads or has no primary. */
const redisAway =
  /stream isn't writeable|^connection is closed|command timed out|max retries per request|^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN) /i;

/**
 * Of the operating system; of Prisma (no connection, a pool or transaction that took too long); and of PostgreSQL
 * (appendix A: serialization failure, deadlock). Classes 08, 53 and 57P are lost connections, too few resources and
 * shutdowns.
 */
const transientCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'P1001',
  'P1002',
  'P1008',
  'P1017',
  'P2024',
  'P2028',
  'P2034',
  '40001',
  '40P01',
]);
