/** Vitest's global setup: test processes ask here for databases. Nothing is started before the first asks. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DatabaseServer } from './database-server.js';

export default async function serveDatabases(): Promise<(() => Promise<void>) | undefined> {
  // Each project of the configuration brings its setup; one is enough.
  if (process.env['VERGE_TEST_DATABASES'] !== undefined) return undefined;
  let started: Promise<DatabaseServer> | undefined;
  const answer = async (method: string, url: URL): Promise<string> => {
    started ??= import('./database-server.js').then(({ DatabaseServer }) => DatabaseServer.start());
    const server = await started;
    if (method === 'POST') return server.create(url.searchParams.has('empty'));
    await server.drop(url.searchParams.get('url') ?? '');
    return '';
  };
  const http = createServer((request, response) => {
    answer(request.method ?? '', new URL(request.url ?? '', 'http://localhost')).then(
      (text) => response.end(text),
      (error: unknown) => {
        response.statusCode = 500;
        response.end(error instanceof Error ? (error.stack ?? error.message) : String(error));
      },
    );
  }).listen(0, '127.0.0.1');
  await once(http, 'listening');
  process.env['VERGE_TEST_DATABASES'] = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return async () => {
    http.close();
    http.closeAllConnections();
    await (await started)?.stop();
  };
}
