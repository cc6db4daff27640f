/**
 * Databases for a whole run of tests: in the Postgres that runs here if there is one, else in an embedded one. The migrations are
 * applied once, to a template; a database of a file's own is a copy of it. Lives in the process that runs the test processes.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { startEmbeddedPostgres } from '../src/database/embedded-postgres.js';
import { applyMigrations } from '../src/database/migrations.js';

const given = process.env['TEST_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';

export class DatabaseServer {
  private readonly template = `verge_template_${randomBytes(6).toString('hex')}`;
  private copied: Promise<unknown> | undefined;
  /** Copies of one template are made one after the other. */
  private last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly url: string,
    private readonly end: () => Promise<void>,
  ) {}

  static async start(): Promise<DatabaseServer> {
    const there = await query(given, 'SELECT 1').then(
      () => true,
      () => false,
    );
    if (there) return new DatabaseServer(given, () => Promise.resolve());
    const folder = await mkdtemp(join(tmpdir(), 'verge-test-'));
    const postgres = await startEmbeddedPostgres(folder);
    // Nobody reads it after a crash.
    for (const setting of ['fsync', 'full_page_writes']) await query(postgres.url, `ALTER SYSTEM SET ${setting} = off`);
    await query(postgres.url, 'SELECT pg_reload_conf()');
    return new DatabaseServer(postgres.url, async () => {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    });
  }

  /** Makes a database. @returns its URL */
  async create(empty: boolean): Promise<string> {
    const name = `verge_test_${randomBytes(6).toString('hex')}`;
    if (empty) await query(this.url, `CREATE DATABASE ${name}`);
    else {
      this.copied ??= this.makeTemplate();
      await this.copied;
      const made = this.last.then(() => query(this.url, `CREATE DATABASE ${name} TEMPLATE ${this.template}`));
      this.last = made.catch(() => undefined);
      await made;
    }
    return this.at(name);
  }

  async drop(url: string): Promise<void> {
    await query(this.url, `DROP DATABASE IF EXISTS ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
  }

  async stop(): Promise<void> {
    if (this.copied) await query(this.url, `DROP DATABASE IF EXISTS ${this.template} WITH (FORCE)`);
    await this.end();
  }

  private async makeTemplate(): Promise<void> {
    await query(this.url, `CREATE DATABASE ${this.template}`);
    await applyMigrations(this.at(this.template));
  }

  private at(name: string): string {
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    return url.href;
  }
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 3000 });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
