/** A control plane of a test's own, on a database of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlobStore } from '@verge/blobs';
import { openBlobStore } from '@verge/blobs';
import type { Client } from '@verge/contracts';
import { createClient } from '@verge/contracts';
import type { ControlPlaneConfig } from '../../src/config.js';
import { parseConfig } from '../../src/config.js';
import { DatabaseService } from '../../src/database/database.service.js';
import type { ControlPlane } from '../../src/start.js';
import { startControlPlane } from '../../src/start.js';
import { createTestDatabase, type TestDatabase } from '../database.js';

const admin = { email: 'admin@example.org', password: 'correct horse battery' };

export class TestControlPlane {
  private constructor(
    readonly config: ControlPlaneConfig,
    readonly dir: string,
    /** For arranging and looking, past the API. */
    readonly database: DatabaseService,
    readonly blobs: BlobStore,
    private readonly own: TestDatabase,
    private plane: ControlPlane | null,
    public api: Client,
  ) {}

  static async start(): Promise<TestControlPlane> {
    const dir = await mkdtemp(join(tmpdir(), 'verge-fleet-'));
    const own = await createTestDatabase();
    const asked = parseConfig({
      VERGE_DATA_DIR: dir,
      DATABASE_URL: own.url,
      VERGE_HTTP_PORT: '0',
      VERGE_GRPC_PORT: '0',
      VERGE_ENROLL_PORT: '0',
      VERGE_GRPC_HOST: '127.0.0.1',
      VERGE_REPORT_INTERVAL_SECONDS: '1',
      VERGE_ADMIN_EMAIL: admin.email,
      VERGE_ADMIN_PASSWORD: admin.password,
      VERGE_LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'fatal',
    });
    const plane = await startControlPlane(asked);
    // The ports that were free the first time are kept, so that devices find it again after a restart.
    const config = {
      ...asked,
      http: { ...asked.http, port: Number(new URL(plane.httpUrl).port) },
      grpc: { ...asked.grpc, port: plane.grpcPort, enrollPort: plane.enrollPort },
    };
    const database = new DatabaseService(own.url);
    const blobs = await openBlobStore(config.blobs);
    return new TestControlPlane(config, dir, database, blobs, own, plane, await login(plane.httpUrl));
  }

  get deviceEndpoint(): string {
    return `localhost:${this.config.grpc.port}`;
  }

  async stop(): Promise<void> {
    await this.plane?.close();
    this.plane = null;
  }

  async startAgain(): Promise<void> {
    this.plane = await startControlPlane({ ...this.config, strictPorts: true });
    this.api = await login(this.plane.httpUrl);
  }

  /** Makes a project with an API token of its own. */
  async project(slug: string): Promise<Client> {
    await this.api.call('projects.create', { body: { slug, name: slug } });
    const { token } = await this.api.call('tokens.create', { body: { name: slug, project: slug, role: 'operator' } });
    return createClient({ baseUrl: this.api.baseUrl, token });
  }

  async close(): Promise<void> {
    await this.stop();
    await this.database.close();
    await this.own.drop();
    await rm(this.dir, { recursive: true, force: true });
  }
}

async function login(baseUrl: string): Promise<Client> {
  const { token } = await createClient({ baseUrl }).call('auth.login', { body: admin });
  return createClient({ baseUrl, token });
}

/** Looks until something is so. The last answer is in the message when it never is. */
export async function until<T>(what: string, look: () => Promise<T> | T, isSo: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const value = await look();
    if (isSo(value)) return value;
    if (Date.now() > deadline) throw new Error(`never became so: ${what}; last seen: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
