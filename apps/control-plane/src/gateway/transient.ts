/**
 * Whether an error speaks of the database being away or busy for a moment. A device is then told UNAVAILABLE, which it
 * answers by trying again, instead of INTERNAL, which it cannot do anything about.
 */
export function isTransient(error: unknown): boolean {
  for (let e = error, depth = 0; e instanceof Error && depth < 8; e = e.cause, depth++) {
    const code = 'code' in e && typeof e.code === 'string' ? e.code : '';
    if (transientCodes.has(code) || /^(08|53|57P)/.test(code)) return true;
    if (lostConnection.test(e.message)) return true;
  }
  return false;
}

/** What node-postgres says without a code. */
const lostConnection = /connection terminated|connection timeout|terminating connection|not queryable/i;

/**
 * Of the operating system; of Prisma (no connection, a pool or transaction that took too long); and of PostgreSQL
 * (appendix A: serialization failure, deadlock). Classes 08, 53 and 57P are lost connections, too few resources and
 * shutdowns.
 */
const transientCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
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
