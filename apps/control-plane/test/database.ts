/** A database of a test file's own, from the process that runs the tests (database-server.ts). */
export interface TestDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** Makes one with all migrations applied, or an empty one. */
export async function createTestDatabase(having: 'migrations' | 'nothing' = 'migrations'): Promise<TestDatabase> {
  const url = await ask('POST', having === 'nothing' ? '?empty' : '');
  return {
    url,
    drop: async () => {
      await ask('DELETE', `?url=${encodeURIComponent(url)}`);
    },
  };
}

async function ask(method: string, query: string): Promise<string> {
  const server = process.env['VERGE_TEST_DATABASES'];
  if (server === undefined) throw new Error('databases for tests are given by the global setup of vitest.config.ts');
  const response = await fetch(`${server}/${query}`, { method });
  const text = await response.text();
  if (!response.ok) throw new Error(`no database for the test: ${text}`);
  return text;
}
