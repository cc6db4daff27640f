/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-06): a POST that arrives again under its key is answered as the
 * first was, and not carried out again.
 */
import { Inject, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { takesIdempotencyKey } from '@verge/contracts';
import type { Logger } from 'pino';
import { defer, from, lastValueFrom, type Observable } from 'rxjs';
import { LOGGER } from '../core.js';
import { DatabaseService } from '../database/database.service.js';
import { decryptAnswer, encryptAnswer, fingerprintOf, hashOfKey, parseKey } from './idempotency-key.js';
import { ProblemError } from './problem-error.js';
import type { HttpRequest } from './request.js';

const KEPT_HOURS = 24;

interface Kept {
  fingerprint: string;
  answer: Buffer | null;
  finished: boolean;
}

@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<HttpRequest>();
    const response = context.switchToHttp().getResponse<ServerResponse>();
    const header = request.headers['idempotency-key'];
    const { operation } = request;
    if (header === undefined || !operation?.caller || !takesIdempotencyKey(operation.route)) return next.handle();
    const key = parseKey(String(header));
    const callerId = operation.caller.id;
    return defer(() => from(this.once({ callerId, key, fingerprint: fingerprintOf(operation) }, response, next)));
  }

  private async once(
    { callerId, key, fingerprint }: { callerId: string; key: string; fingerprint: string },
    response: ServerResponse,
    next: CallHandler,
  ): Promise<unknown> {
    const id = [callerId, hashOfKey(key)] as const;
    const kept = await this.begin(id, fingerprint);
    if (kept !== null) {
      response.setHeader('idempotency-replayed', 'true');
      return replay(kept, fingerprint, key);
    }
    try {
      const answer: unknown = await lastValueFrom(next.handle(), { defaultValue: undefined });
      await this.finish(id, encryptAnswer(key, answer));
      return answer;
    } catch (error) {
      // Refused: nothing was done, and the key is free. After anything else it is not known what was done.
      if (error instanceof ProblemError && error.status < 500) await this.forget(id);
      throw error;
    }
  }

  /** @returns what is known of the key; null when it is new, and now reserved */
  private async begin([callerId, keyHash]: readonly [string, string], fingerprint: string): Promise<Kept | null> {
    const { pool } = this.database;
    await pool.query(`DELETE FROM idempotency_keys WHERE created_at < now() - $1 * interval '1 hour'`, [KEPT_HOURS]);
    const { rowCount } = await pool.query(
      'INSERT INTO idempotency_keys (caller_id, key_hash, fingerprint) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
      [callerId, keyHash, fingerprint],
    );
    if (rowCount === 1) return null;
    const { rows } = await pool.query<Kept>(
      `SELECT fingerprint, answer, finished_at IS NOT NULL AS finished FROM idempotency_keys
       WHERE caller_id = $1 AND key_hash = $2`,
      [callerId, keyHash],
    );
    // Forgotten between the two statements: its first use was refused just now.
    return rows[0] ?? { fingerprint, answer: null, finished: false };
  }

  private async finish([callerId, keyHash]: readonly [string, string], answer: Buffer): Promise<void> {
    const sql = 'UPDATE idempotency_keys SET answer = $3, finished_at = now() WHERE caller_id = $1 AND key_hash = $2';
    // It is done, whether or not that could be noted: a repetition is then told that the outcome is not known.
    await this.database.pool
      .query(sql, [callerId, keyHash, answer])
      .catch((err: unknown) => this.log.warn({ err }, 'the answer under an idempotency key could not be kept'));
  }

  private async forget([callerId, keyHash]: readonly [string, string]): Promise<void> {
    await this.database.pool
      .query('DELETE FROM idempotency_keys WHERE caller_id = $1 AND key_hash = $2', [callerId, keyHash])
      .catch((err: unknown) => this.log.warn({ err }, 'an idempotency key could not be freed'));
  }
}

/** @throws ProblemError for another request under the key, and for one whose first is not finished */
function replay(kept: Kept, fingerprint: string, key: string): unknown {
  if (kept.fingerprint !== fingerprint) {
    const detail = 'this Idempotency-Key was used for another request: expected a key of its own for each';
    throw new ProblemError('IDEMPOTENCY_KEY_REUSED', detail);
  }
  if (!kept.finished || kept.answer === null) {
    const detail =
      'the first request under this key is under way, or broke off: look at what there is before a new key';
    throw new ProblemError('REQUEST_IN_PROGRESS', detail, [], { retryAfterSeconds: 1 });
  }
  return decryptAnswer(key, kept.answer);
}
