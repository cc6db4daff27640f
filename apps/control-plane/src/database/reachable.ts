/** Waits for a Postgres that is not there yet: after a power cut, everything starts at once. */
import type { Logger } from 'pino';
import { pause, retryDelayMs } from '../background.js';
import { ControlPlaneError } from '../errors.js';
import { GuardedClient } from './guarded-client.js';
import { isTransient } from '../transient.js';

const CONNECT_MS = 5_000;

/**
 * Returns when Postgres answers. What waiting does not mend, a wrong password or a missing database, is not waited for.
 * @throws ControlPlaneError DATABASE_UNREACHABLE
 */
export async function waitForDatabase(url: string, limitMs: number, log: Logger): Promise<void> {
  const began = performance.now();
  for (let failures = 1; ; failures++) {
    const error = await ask(url);
    if (error === undefined) return;
    const waited = performance.now() - began;
    if (!isTransient(error) || waited >= limitMs) {
      const after = `after ${Math.round(waited / 1000)} s`;
      const reason = error instanceof Error ? error.message || error.name : String(error);
      throw new ControlPlaneError('DATABASE_UNREACHABLE', `Postgres did not answer ${after}: ${reason}`, {
        cause: error,
      });
    }
    log.warn({ err: error, failures }, 'Postgres does not answer yet; trying again');
    await pause(Math.min(retryDelayMs(failures, Math.random()), limitMs - waited), new AbortController().signal);
  }
}

/** @returns why not; undefined when it answers */
async function ask(url: string): Promise<unknown> {
  const client = new GuardedClient({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: CONNECT_MS,
  });
  try {
    await client.connect();
    await client.query('SELECT 1');
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await client.end().catch(() => undefined);
  }
}
