import pg from 'pg';

/**
 * A Postgres connection whose 'error' is always heard. One that breaks while it is lent out, between two statements, emits
 * it with nobody listening, which would end the process; the pool throws the connection away all the same.
 */
export class GuardedClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}
