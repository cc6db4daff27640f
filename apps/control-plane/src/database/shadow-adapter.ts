/**
 * @prisma/adapter-pg for the schema engine, with four gaps closed. It cuts a script at every semicolon, also within the body of a
 * function. The other three matter when a shadow database is described: the adapter keeps the connection string's database instead of the shadow's; it refuses the type "char"
 * of the system catalogues; and the engine does not know the constraints that Postgres 18 stores for NOT NULL columns
 * (pg_constraint.contype 'n'), which it reads from pg_attribute all the same.
 */
import { PrismaPg } from '@prisma/adapter-pg';
import type { SqlQuery } from '@prisma/driver-adapter-utils';
import { Pool } from 'pg';
import { GuardedClient } from './guarded-client.js';

/** pg_type.oid of "char", the one-byte internal type. */
const CHAR_OID = 18;

export class ShadowingPrismaPg extends PrismaPg {
  constructor(
    private readonly url: string,
    private readonly own: Pool,
  ) {
    super(own);
  }

  override async connect(): Promise<Awaited<ReturnType<PrismaPg['connect']>>> {
    return wholeScripts(await super.connect(), this.own);
  }

  override async connectToShadowDb(): Promise<Awaited<ReturnType<PrismaPg['connectToShadowDb']>>> {
    const database = `verge_shadow_${globalThis.crypto.randomUUID().replaceAll('-', '')}`;
    const owner = new Pool({ connectionString: this.url, max: 1, Client: GuardedClient });
    await owner.query(`CREATE DATABASE ${database}`);
    const url = new URL(this.url);
    url.pathname = `/${database}`;
    const pool = new Pool({ connectionString: url.href, max: 2, Client: GuardedClient });
    const adapter = wholeScripts(await new PrismaPg(pool).connect(), pool);
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => await queryRaw(await withoutChar(pool, withoutNotNull(query)));
    adapter.dispose = async () => {
      await pool.end();
      await owner.query(`DROP DATABASE ${database}`);
      await owner.end();
    };
    return adapter;
  }
}

/** Sends a script as one simple query (PostgreSQL, "Multiple Statements in a Simple Query"): the server knows where a statement ends, and all of it holds or nothing. */
function wholeScripts<Adapter extends { executeScript(script: string): Promise<void> }>(
  adapter: Adapter,
  pool: Pool,
): Adapter {
  adapter.executeScript = async (script) => void (await pool.query(script));
  return adapter;
}

const withoutNotNull = (query: SqlQuery): SqlQuery => ({
  ...query,
  sql: query.sql.replace("contype NOT IN ('p', 'u', 'f')", "contype NOT IN ('p', 'u', 'f', 'n')"),
});

/** The same query with its "char" columns read as text. */
async function withoutChar(pool: Pool, query: SqlQuery): Promise<SqlQuery> {
  const { fields } = await pool.query({ text: query.sql, values: query.args, rowMode: 'array' });
  if (!fields.some((f) => f.dataTypeID === CHAR_OID)) return query;
  const columns = fields.map((f) => {
    const name = `"${f.name.replaceAll('"', '""')}"`;
    return f.dataTypeID === CHAR_OID ? `${name}::text AS ${name}` : name;
  });
  return { ...query, sql: `SELECT ${columns.join(', ')} FROM (${query.sql.trim().replace(/;$/, '')}) AS described` };
}
