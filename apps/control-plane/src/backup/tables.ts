/** The rows of all tables, out of one database as they were at one moment, and into an empty one, all or none. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { Client } from 'pg';
import { GuardedClient } from '../database/guarded-client.js';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { ControlPlaneError } from '../errors.js';
import type { BackedUpTable } from './backup-folder.js';

/** Prisma's own record of migrations: a restored database has its own. */
const MIGRATIONS = '_prisma_migrations';

export interface TellProgress {
  (line: string): void;
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

async function connected<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new GuardedClient({ connectionString: url, application_name: 'verge-backup' });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Verge's tables, each with its columns in their order. */
async function tablesOf(client: Client): Promise<{ name: string; columns: string[] }[]> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `SELECT c.relname::text AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname <> $1
       AND a.attgenerated = '' GROUP BY 1 ORDER BY 1`,
    [MIGRATIONS],
  );
  return rows;
}

export interface Dumped {
  readonly at: Date;
  readonly migrations: string[];
  readonly tables: BackedUpTable[];
}

/** Writes every table to `<root>/tables`, from one snapshot: nothing that is written meanwhile is half in it. */
export async function dumpTables(url: string, root: string, tell: TellProgress, signal: AbortSignal): Promise<Dumped> {
  await mkdir(join(root, 'tables'), { recursive: true, mode: 0o700 });
  return await connected(url, async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows } = await client.query<{ at: Date; names: string[] | null }>(
      `SELECT now() AS at, array_agg(migration_name::text ORDER BY migration_name) AS names
       FROM ${quoted(MIGRATIONS)} WHERE finished_at IS NOT NULL`,
    );
    const { at, names } = rows[0]!;
    const tables: BackedUpTable[] = [];
    for (const { name, columns } of await tablesOf(client)) {
      signal.throwIfAborted();
      const path = `tables/${name}.copy.gz`;
      const source = client.query(copyTo(`COPY ${quoted(name)} (${columns.map(quoted).join(', ')}) TO STDOUT`));
      const hash = createHash('sha256');
      let bytes = 0;
      const measured = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          hash.update(chunk);
          bytes += chunk.byteLength;
          done(null, chunk);
        },
      });
      const file = createWriteStream(join(root, path), { mode: 0o600, flush: true });
      await pipeline(source, createGzip({ level: 3 }), measured, file, { signal });
      const digest = `sha256:${hash.digest('hex')}`;
      tables.push({ name, columns, rows: source.rowCount, file: { path, bytes, digest } });
      tell(`${name}: ${source.rowCount} rows`);
    }
    await client.query('COMMIT');
    return { at, migrations: names ?? [], tables };
  });
}

/** The tables that hold rows already, with how many. */
export async function rowsPresent(url: string): Promise<{ name: string; rows: number }[]> {
  return await connected(url, async (client) => {
    const found: { name: string; rows: number }[] = [];
    for (const { name } of await tablesOf(client)) {
      const { rows } = await client.query<{ rows: number }>(`SELECT count(*)::int AS rows FROM ${quoted(name)}`);
      if (rows[0]!.rows > 0) found.push({ name, rows: rows[0]!.rows });
    }
    return found;
  });
}

interface ForeignKey {
  readonly table: string;
  readonly name: string;
}

/**
 * Fills the empty tables in one transaction.
 * @throws ControlPlaneError BACKUP_INVALID when a table does not take its rows, or takes another number of them
 */
export async function fillTables(
  url: string,
  root: string,
  tables: readonly BackedUpTable[],
  tell: TellProgress,
  signal: AbortSignal,
): Promise<void> {
  await connected(url, async (client) => {
    await client.query('BEGIN');
    const { rows: keys } = await client.query<ForeignKey>(
      `SELECT conrelid::regclass::text AS table, conname::text AS name FROM pg_constraint
       WHERE contype = 'f' AND NOT condeferrable AND connamespace = current_schema()::regnamespace`,
    );
    // Tables refer to each other in circles: what refers to what is looked at when all rows are there.
    for (const { table, name } of keys)
      await client.query(`ALTER TABLE ${table} ALTER CONSTRAINT ${quoted(name)} DEFERRABLE INITIALLY DEFERRED`);
    for (const table of tables) {
      signal.throwIfAborted();
      await fill(client, root, table, signal);
      tell(`${table.name}: ${table.rows} rows`);
    }
    await advanceSequences(client);
    await client.query('SET CONSTRAINTS ALL IMMEDIATE');
    for (const { table, name } of keys)
      await client.query(`ALTER TABLE ${table} ALTER CONSTRAINT ${quoted(name)} NOT DEFERRABLE`);
    await client.query('COMMIT');
  });
}

async function fill(client: Client, root: string, table: BackedUpTable, signal: AbortSignal): Promise<void> {
  const { name, columns, rows, file } = table;
  const sink = client.query(copyFrom(`COPY ${quoted(name)} (${columns.map(quoted).join(', ')}) FROM STDIN`));
  try {
    await pipeline(createReadStream(join(root, file.path)), createGunzip(), sink, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new ControlPlaneError('BACKUP_INVALID', `the table ${name} does not take its rows: ${String(cause)}`, {
      cause,
    });
  }
  if (sink.rowCount === rows) return;
  throw new ControlPlaneError('BACKUP_INVALID', `the table ${name} took ${sink.rowCount} rows, expected ${rows}`);
}

/** Numbers that the database gives out go on after those that were given. */
async function advanceSequences(client: Client): Promise<void> {
  const { rows } = await client.query<{ table: string; column: string; sequence: string }>(
    `SELECT c.oid::regclass::text AS table, a.attname::text AS column,
       pg_get_serial_sequence(c.oid::regclass::text, a.attname) AS sequence
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
       AND pg_get_serial_sequence(c.oid::regclass::text, a.attname) IS NOT NULL`,
  );
  for (const { table, column, sequence } of rows)
    await client.query(
      `SELECT setval($1::regclass, coalesce(max(${quoted(column)}), 1), max(${quoted(column)}) IS NOT NULL) FROM ${table}`,
      [sequence],
    );
}
