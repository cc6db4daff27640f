import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import type { PostgresConnection } from 'bullmq';
import { GuardedClient } from '../database/guarded-client.js';
import { guardedBackend } from './guarded-backend.js';

/** A message of the backend (PostgreSQL, "Message Formats"). */
function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

const letIn = message('R', Buffer.alloc(4));
const ready = message('Z', Buffer.from('I'));
const ended = message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'));

it('outlives a connection that is ended in the packet that says it is ready', async () => {
  const server = createServer((socket) => {
    socket.once('data', () => socket.end(Buffer.concat([letIn, ready, ended])));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const connection = { connectionString: `postgres://a:b@127.0.0.1:${port}/c`, Client: GuardedClient };
  const backend = guardedBackend('queue', { connection });
  // An 'error' that nobody hears would fail this file, whatever is expected here.
  const listening = (backend as unknown as { connection: PostgresConnection }).connection.getListenClient();
  await expect(listening.then((client) => client.query('SELECT 1'))).rejects.toThrow();
  await backend.disconnect();
  server.close();
});
