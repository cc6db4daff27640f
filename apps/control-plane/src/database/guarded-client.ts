import pg from 'pg';

/**
 * A Postgres connection that breaks without ending the process. One that breaks while nothing is asked of it emits 'error', and
 * an 'error' that nobody hears is thrown (Node.js, "Error events"). Pools do not listen while a connection is lent out, nor in
 * the moment between connecting and the first listener; what is asked of a broken connection next fails all the same.
 */
export class GuardedClient extends pg.Client {
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    return event === 'error' && this.listenerCount('error') === 0 ? false : super.emit(event, ...(args as []));
  }
}
