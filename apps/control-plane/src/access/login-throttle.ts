/**
 * How often a password may be wrong. It is counted in Postgres, so that it holds over several control planes and over a restart,
 * and an attempt is reserved before its password is looked at, so that a thousand at once are a thousand all the same.
 *
 * - An account: 10 failures in a quarter of an hour, then nothing is heard until the quarter is over.
 * - A source network: 50 failures, from whichever accounts. Many people can be behind one address, so that it is not shut out but
 *   slowed: its attempts are heard one after the other, a wrong one takes a second, and an account may be missed 3 times.
 */
import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DatabaseService } from '../database/database.service.js';

export const loginLimits = {
  windowSeconds: 15 * 60,
  perAccount: 10,
  perSource: 50,
  perAccountFromSlowSource: 3,
} as const;

export interface AttemptOf {
  /** E-mail address, in lower case. */
  readonly account: string;
  /** `sourceNetwork` of the caller's address. */
  readonly source: string;
}

interface Row {
  failures: number;
  pending: number;
  wait_seconds: number;
}
/** A window of which nothing counts any more begins anew with the next attempt. */
const over = `(t.window_started_at <= now() - make_interval(secs => $2::int) OR t.failures + t.pending = 0)`;
const waitSeconds = `ceil(extract(epoch FROM t.window_started_at - now()) + $2::int)::int AS wait_seconds`;

const accountKey = (account: string): string => `account:${createHash('sha256').update(account).digest('hex')}`;
const sourceKey = (source: string): string => `source:${source}`;

@Injectable()
export class LoginThrottle {
  constructor(@Inject(DatabaseService) private readonly database: DatabaseService) {}

  /** Whether the source has used up its failures. */
  async isSlow({ source }: AttemptOf): Promise<boolean> {
    const row = await this.read(sourceKey(source));
    return row !== undefined && row.failures >= loginLimits.perSource;
  }

  /** Seconds until the account is heard again; 0 when it is now. Reserves nothing. */
  async accountWait({ account }: AttemptOf, slow: boolean): Promise<number> {
    return waitOf(await this.read(accountKey(account)), limitOf(slow));
  }

  /** Takes one attempt of the account. @returns 0, or the seconds to wait when none is left; then nothing was taken */
  async reserve({ account }: AttemptOf, slow: boolean): Promise<number> {
    const key = accountKey(account);
    const limit = limitOf(slow);
    const { rowCount } = await this.database.pool.query({
      name: 'login-reserve',
      text: `INSERT INTO login_throttles AS t (key, window_started_at, pending) VALUES ($1, now(), 1)
        ON CONFLICT (key) DO UPDATE SET
          window_started_at = CASE WHEN ${over} THEN now() ELSE t.window_started_at END,
          failures = CASE WHEN ${over} THEN 0 ELSE t.failures END,
          pending = CASE WHEN ${over} THEN 1 ELSE t.pending + 1 END
        WHERE ${over} OR t.failures + t.pending < $3`,
      values: [key, loginLimits.windowSeconds, limit],
    });
    return rowCount === 1 ? 0 : Math.max(1, waitOf(await this.read(key), limit));
  }

  /** The reserved attempt was wrong: it counts for the account and for the source. */
  async failed({ account, source }: AttemptOf): Promise<void> {
    await this.database.pool.query({
      name: 'login-failed',
      text: `INSERT INTO login_throttles AS t (key, window_started_at, failures)
          SELECT key, now(), 1 FROM unnest($1::text[]) AS key ORDER BY key
        ON CONFLICT (key) DO UPDATE SET
          window_started_at = CASE WHEN ${over} THEN now() ELSE t.window_started_at END,
          failures = CASE WHEN ${over} THEN 1 ELSE t.failures + 1 END,
          pending = GREATEST(t.pending - 1, 0)`,
      values: [[accountKey(account), sourceKey(source)], loginLimits.windowSeconds],
    });
  }

  /** The reserved attempt was right: the account begins anew. Failures of others from the same source stay counted. */
  async succeeded({ account }: AttemptOf): Promise<void> {
    await this.database.pool.query({
      name: 'login-succeeded',
      text: 'UPDATE login_throttles SET failures = 0, pending = GREATEST(pending - 1, 0) WHERE key = $1',
      values: [accountKey(account)],
    });
  }

  /** The reserved attempt was not looked at after all. */
  async cancelled({ account }: AttemptOf): Promise<void> {
    await this.database.pool.query({
      name: 'login-cancelled',
      text: 'UPDATE login_throttles SET pending = GREATEST(pending - 1, 0) WHERE key = $1',
      values: [accountKey(account)],
    });
  }

  /** Forgets windows that are over. */
  async sweep(): Promise<void> {
    await this.database.pool.query(
      `DELETE FROM login_throttles WHERE window_started_at <= now() - make_interval(secs => $1::int)`,
      [loginLimits.windowSeconds],
    );
  }

  private async read(key: string): Promise<Row | undefined> {
    const { rows } = await this.database.pool.query<Row>({
      name: 'login-read',
      text: `SELECT t.failures, t.pending, ${waitSeconds} FROM login_throttles t WHERE t.key = $1 AND NOT ${over}`,
      values: [key, loginLimits.windowSeconds],
    });
    return rows[0];
  }
}

const limitOf = (slow: boolean): number => (slow ? loginLimits.perAccountFromSlowSource : loginLimits.perAccount);

/** Attempts under way may turn out to be right, in a moment; failures stay until the window is over. */
function waitOf(row: Row | undefined, limit: number): number {
  if (!row || row.failures + row.pending < limit) return 0;
  return row.failures < limit ? 1 : Math.max(1, row.wait_seconds);
}
