/**
 * The wire between a browser and a control plane: passes every byte on and counts what goes over it, so that a test knows what
 * the server was asked without asking the server. HTTP/1.1: one request after another on each connection.
 */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

const REQUEST_LINE = /^(GET|HEAD|POST|PUT|PATCH|DELETE) (\S+) HTTP\/1\.1\r\n/;

export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly path: string;
}

export class Wire {
  readonly asked: Asked[] = [];
  /** From the server to the browser. */
  bytesDown = 0;
  /** Paths that get no answer but a closed connection, as a network gives that has just gone. */
  broken: (path: string) => boolean = () => false;
  private readonly last = new Map<Socket, Asked>();

  private constructor(
    private readonly server: Server,
    private readonly port: number,
  ) {
    server.on('connection', (socket) => this.carry(socket));
  }

  /** @param target the address of the control plane */
  static async to(target: string): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server, Number(new URL(target).port));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return wire;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Event streams that are open now: connections whose last request asked for one. */
  get streams(): Asked[] {
    return [...this.last.values()].filter(({ path }) => /\/events(\?|$)/.test(path));
  }

  /** What was asked of the API since `from` requests, without streams. */
  reads(from = 0): Asked[] {
    return this.asked.slice(from).filter(({ path }) => path.startsWith('/api/') && !/\/events(\?|$)/.test(path));
  }

  async close(): Promise<void> {
    for (const socket of this.last.keys()) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private carry(browser: Socket): void {
    const plane = connect(this.port, '127.0.0.1');
    const end = (): void => {
      this.last.delete(browser);
      browser.destroy();
      plane.destroy();
    };
    for (const socket of [browser, plane]) socket.on('error', end).on('close', end);
    browser.on('data', (bytes: Buffer) => {
      const [, method, path] = REQUEST_LINE.exec(bytes.subarray(0, 4096).toString('latin1')) ?? [];
      if (method !== undefined && path !== undefined) {
        if (this.broken(path)) return end();
        const asked = { method, path };
        this.asked.push(asked);
        this.last.set(browser, asked);
      }
      plane.write(bytes);
    });
    plane.on('data', (bytes: Buffer) => {
      this.bytesDown += bytes.length;
      browser.write(bytes);
    });
  }
}
