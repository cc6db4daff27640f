/** A Postgres and a Redis of the test's own, on ports that stay: what can be stopped and started as a test likes. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { startEmbeddedPostgres } from '../../apps/control-plane/src/database/embedded-postgres.js';
import { freePort } from '../loop/harness.js';

/** Whether a Redis can be started here. */
export const redisIsInstalled = spawnSync('redis-server', ['--version']).status === 0;

abstract class Service {
  private child: ChildProcess | undefined;

  protected constructor(
    protected readonly folder: string,
    readonly port: number,
  ) {}

  protected abstract launch(): ChildProcess;
  /** What it writes when it answers. */
  protected abstract readonly readyText: string;

  async start(): Promise<void> {
    const child = this.launch();
    this.child = child;
    let text = '';
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`did not start: ${text.slice(-2000)}`)));
      for (const stream of [child.stdout!, child.stderr!])
        stream.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (text.includes(this.readyText)) resolve();
        });
    });
  }

  /** In the orderly way; what is on disk stays. */
  async stop(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGINT');
    await gone;
  }

  async awayFor(seconds: number, meanwhile: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await this.stop();
    const back = Date.now() + seconds * 1000;
    await meanwhile();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, back - Date.now())));
    await this.start();
  }

  async close(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

export class OwnPostgres extends Service {
  protected readonly readyText = 'ready to accept connections';

  private constructor(
    folder: string,
    port: number,
    readonly url: string,
    private readonly binary: string,
    private readonly owner: { uid: number; gid: number },
  ) {
    super(folder, port);
  }

  /** Made, and not yet running. */
  static async create(): Promise<OwnPostgres> {
    const folder = await mkdtemp(join(tmpdir(), 'verge-postgres-'));
    const first = await startEmbeddedPostgres(folder);
    await first.stop();
    const port = await freePort();
    const url = new URL(first.url);
    url.port = String(port);
    const name = `@embedded-postgres/${process.platform}-${process.arch}`;
    const { postgres } = (await import(name)) as { postgres: string };
    const { uid, gid } = await stat(join(folder, 'postgres', 'cluster'));
    return new OwnPostgres(folder, port, url.href, postgres, { uid, gid });
  }

  /** Starts when somebody has tried to reach it, and failed. */
  async startWhenAskedFor(): Promise<void> {
    const server = createServer((socket) => socket.destroy()).listen(this.port, '127.0.0.1');
    await once(server, 'connection');
    server.close();
    await once(server, 'close');
    await this.start();
  }

  protected launch(): ChildProcess {
    const cluster = join(this.folder, 'postgres', 'cluster');
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=60'];
    const flags = ['-D', cluster, '-p', String(this.port), ...settings.flatMap((s) => ['-c', s])];
    const who = process.getuid?.() === 0 ? this.owner : {};
    return spawn(this.binary, flags, { ...who, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  async query<T extends object>(sql: string): Promise<T[]> {
    const client = new Client({ connectionString: this.url, application_name: 'the-test' });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<T>(sql)).rows;
    } finally {
      await client.end();
    }
  }
}

export class OwnRedis extends Service {
  protected readonly readyText = 'Ready to accept connections';

  static async create(): Promise<OwnRedis> {
    return new OwnRedis(await mkdtemp(join(tmpdir(), 'verge-redis-')), await freePort());
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  protected launch(): ChildProcess {
    const keep = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
    return spawn('redis-server', ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder, ...keep], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** As a Redis is whose disk was lost: the same address, and nothing in it. */
  async beginAnew(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
    await mkdir(this.folder);
    await this.start();
  }
}
