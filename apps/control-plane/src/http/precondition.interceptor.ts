/**
 * If-Match (RFC 9110, section 13.1.1): a change that was made from another state than the present one is refused with 412.
 * The state is read and changed under one lock, which every change of the same thing takes, in all control planes.
 */
import { Inject, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { stateRouteOf, type Route } from '@verge/contracts';
import { defer, from, lastValueFrom, type Observable } from 'rxjs';
import { DatabaseService } from '../database/database.service.js';
import { inTransaction } from '../database/transaction.js';
import { entityTag, matches } from './entity-tag.js';
import { OperationReader } from './operation-reader.js';
import { ProblemError } from './problem-error.js';
import type { HttpRequest } from './request.js';

/** Each holds a connection while its handler takes another: more at once could leave none for the handlers. */
const MAX_LOCKED = 4;
const changing = new Set<Route['method']>(['PUT', 'PATCH', 'DELETE']);

@Injectable()
export class PreconditionInterceptor implements NestInterceptor {
  private locked = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(OperationReader) private readonly reader: OperationReader,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<HttpRequest>();
    const route = request.operation?.route;
    const ifMatch = request.headers['if-match'];
    if (!route || route.method === 'GET' || route.method === 'HEAD') return next.handle();
    const state = stateRouteOf(route);
    if (!state) {
      if (ifMatch === undefined) return next.handle();
      // RFC 9110, section 13.1.1: the condition is false where there is no current representation.
      throw new ProblemError('PRECONDITION_FAILED', 'this operation has no state of which If-Match could speak');
    }
    if (ifMatch === undefined && (!changing.has(route.method) || route.rawBody)) return next.handle();
    return defer(() => from(this.underLock(request, ifMatch, state, next)));
  }

  private async underLock(
    request: HttpRequest,
    ifMatch: string | undefined,
    [name, state]: [string, Route],
    next: CallHandler,
  ): Promise<unknown> {
    await this.enter();
    try {
      return await inTransaction(this.database.pool, async (client) => {
        await client.query("SET LOCAL lock_timeout = '15s'");
        const thing = JSON.stringify([state.path, request.operation?.params]);
        await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [thing]);
        if (ifMatch !== undefined) {
          const present = entityTag(state.path, await this.reader.read(name, state, request));
          if (!matches(ifMatch, present)) throw changedMeanwhile(present);
        }
        return await lastValueFrom(next.handle(), { defaultValue: undefined });
      });
    } finally {
      this.leave();
    }
  }

  private async enter(): Promise<void> {
    if (this.locked >= MAX_LOCKED) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.locked++;
  }

  /** Whoever waits longest takes the place over. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.locked--;
  }
}

const changedMeanwhile = (etag: string): ProblemError =>
  new ProblemError(
    'PRECONDITION_FAILED',
    'it was changed meanwhile: read it again, and make the change from there',
    [],
    {
      headers: { etag },
    },
  );
