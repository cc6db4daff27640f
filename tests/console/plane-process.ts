/** A control plane in a process of its own, which can be stopped as a machine stops, and is reached over a wire that counts. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type Client } from '@verge/contracts';
import { createTestDatabase, type TestDatabase } from '../../apps/control-plane/test/database.js';
import { administrator, until } from '../../apps/control-plane/test/plane.js';
import { freePort } from '../loop/harness.js';
import { buildControlPlane } from './build-console.js';
import { Wire } from './wire.js';

export class PlaneProcess {
  private constructor(
    private readonly child: ChildProcess,
    private readonly dir: string,
    readonly own: TestDatabase,
    readonly wire: Wire,
    readonly admin: Client,
  ) {}

  static async start(): Promise<PlaneProcess> {
    const binary = buildControlPlane();
    const own = await createTestDatabase();
    const dir = mkdtempSync(join(tmpdir(), 'verge-plane-'));
    const port = await freePort();
    const child = spawn(process.execPath, [binary], {
      env: {
        ...process.env,
        VERGE_DATA_DIR: dir,
        DATABASE_URL: own.url,
        REDIS_URL: '',
        S3_ENDPOINT: '',
        VERGE_HTTP_PORT: String(port),
        VERGE_GRPC_PORT: '0',
        VERGE_ENROLL_PORT: '0',
        VERGE_GRPC_HOST: '127.0.0.1',
        VERGE_ADMIN_EMAIL: administrator.email,
        VERGE_ADMIN_PASSWORD: administrator.password,
        VERGE_LOG_LEVEL: 'error',
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const url = `http://127.0.0.1:${port}`;
    const ready = () =>
      fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await until('the control plane is ready', ready, Boolean);
    const { token } = await createClient({ baseUrl: url }).call('auth.login', { body: administrator });
    return new PlaneProcess(child, dir, own, await Wire.to(url), createClient({ baseUrl: url, token }));
  }

  /** As a machine that hangs: connections stay, nothing is answered. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  async close(): Promise<void> {
    await this.wire.close();
    const ended = once(this.child, 'exit');
    this.thaw();
    this.child.kill('SIGTERM');
    await ended;
    await this.own.drop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
