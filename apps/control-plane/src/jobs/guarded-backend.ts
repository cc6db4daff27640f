import { createPostgresBackend } from 'bullmq';
import pg from 'pg';
import { GuardedClient } from '../database/guarded-client.js';

/**
 * BullMQ on Postgres, with every connection guarded: the one that it listens on, too, which BullMQ makes with the Client of
 * the pg module, whatever Client it is given for its pool.
 */
export const guardedBackend: typeof createPostgresBackend = (...args) => {
  const backend = createPostgresBackend(...args);
  const { connection } = backend as unknown as { connection?: { pgModule?: typeof pg } };
  if (!connection?.pgModule) throw new Error('this BullMQ makes its connections otherwise: they would not be guarded');
  connection.pgModule = { ...pg, Client: GuardedClient };
  return backend;
};
