import { PrismaPg } from '@prisma/adapter-pg';
import { Pool } from 'pg';
import { PrismaClient, Prisma } from '../generated/client.js';
import { GuardedClient } from './guarded-client.js';

export { Prisma };

/** What may run inside or outside a transaction. */
export type Db = Prisma.TransactionClient;

/** Connections that one control plane's requests and timers share. */
export const POOL_SIZE = 16;
/** Until a request that gets no connection is refused instead of left hanging. */
const CONNECT_MS = 10_000;

/** The Prisma client over its own connection pool. `database.pool` is for what SQL says better (COPY, LISTEN). */
export class DatabaseService extends PrismaClient {
  readonly pool: Pool;

  constructor(readonly url: string) {
    const pool = new Pool({
      connectionString: url,
      max: POOL_SIZE,
      application_name: 'verge-control-plane',
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
      Client: GuardedClient,
    });
    // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
    pool.on('error', () => undefined);
    // Prisma's own limits (2 s to begin, 5 s to end) turn a busy moment into an error.
    const transactionOptions = { maxWait: 15_000, timeout: 30_000 };
    super({ adapter: new PrismaPg(pool, { disposeExternalPool: true }), transactionOptions });
    this.pool = pool;
  }

  async close(): Promise<void> {
    await this.$disconnect();
    if (!this.pool.ended) await this.pool.end();
  }
}

/** Whether an error is Postgres's refusal of a second row under a unique key. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
}
