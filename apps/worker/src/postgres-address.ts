/**
 * Where a Postgres listens, asked anew for each connection: the database of a control plane that was started again may
 * listen at another port. Connections are opened to the new address from then on, by the pool and by the job in hand alike.
 */
import { Socket } from 'node:net';

interface Place {
  readonly host: string;
  readonly port: number;
}

function placeIn(url: string): Place {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** Whether both name the same database with the same rights, at another host or port. */
export function onlyAddressDiffers(before: string, now: string): boolean {
  if (!URL.canParse(before) || !URL.canParse(now)) return false;
  const [a, b] = [new URL(before), new URL(now)];
  if ([a, b].some((url) => url.hostname === '' || url.port === '')) return false;
  a.hostname = b.hostname;
  a.port = b.port;
  return a.href === b.href && before !== now;
}

export class PostgresAddress {
  readonly #open = new Set<Socket>();
  #moved: Place | undefined;

  /** For the `stream` option of `pg`, which calls `connect` on it with the address that it was made with. */
  readonly stream = (): Socket => {
    const socket = new AddressedSocket(() => this.#moved);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  /** Ends the connections to the old address too: whoever listens there now is somebody else. */
  moveTo(url: string): void {
    this.#moved = placeIn(url);
    this.cut();
  }

  /** Ends all connections; who uses one is told that it broke. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

class AddressedSocket extends Socket {
  constructor(private readonly moved: () => Place | undefined) {
    super();
  }

  override connect(...asked: unknown[]): this {
    const place = this.moved();
    Reflect.apply(super.connect, this, place ? [place.port, place.host] : asked);
    return this;
  }
}
