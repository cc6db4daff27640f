/** A control plane of a test file's own, reached over HTTP as any caller reaches it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBlobStore, type BlobStore } from '@verge/blobs';
import { createClient, type Client, type Role } from '@verge/contracts';
import { parseConfig, startControlPlane, type ControlPlane, type ControlPlaneConfig } from '../src/index.js';
import { DatabaseService } from '../src/database/database.service.js';
import { createTestDatabase, type TestDatabase } from './database.js';

export const administrator = { email: 'admin@example.org', password: 'correct horse battery' };

export class Plane {
  private constructor(
    readonly config: ControlPlaneConfig,
    readonly database: DatabaseService,
    readonly blobs: BlobStore,
    /** The administrator's session. */
    readonly admin: Client,
    private running: ControlPlane | null,
    private readonly own: TestDatabase,
  ) {}

  static async start(env: Record<string, string> = {}): Promise<Plane> {
    const own = await createTestDatabase();
    const dataDir = await mkdtemp(join(tmpdir(), 'verge-plane-'));
    const asked = parseConfig({
      VERGE_DATA_DIR: dataDir,
      DATABASE_URL: own.url,
      VERGE_HTTP_PORT: '0',
      VERGE_GRPC_PORT: '0',
      VERGE_ENROLL_PORT: '0',
      VERGE_GRPC_HOST: '127.0.0.1',
      VERGE_ADMIN_EMAIL: administrator.email,
      VERGE_ADMIN_PASSWORD: administrator.password,
      VERGE_LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'fatal',
      ...env,
    });
    const running = await startControlPlane(asked);
    const port = Number(new URL(running.httpUrl).port);
    // The same port again after a restart, so that clients stay good.
    const config = { ...asked, http: { ...asked.http, port } };
    const database = new DatabaseService(own.url);
    const blobs = await openBlobStore(config.blobs);
    const { token } = await createClient({ baseUrl: running.httpUrl }).call('auth.login', { body: administrator });
    const admin = createClient({ baseUrl: running.httpUrl, token });
    return new Plane(config, database, blobs, admin, running, own);
  }

  get url(): string {
    return this.admin.baseUrl;
  }

  /** A client with an API token of the role, in a project that is made when it does not exist. */
  async member(project: string, role: Role = 'operator'): Promise<Client & { token: string }> {
    const known = await this.admin.call('projects.list', {});
    if (!known.items.some((p) => p.slug === project)) {
      await this.admin.call('projects.create', { body: { slug: project, name: project } });
    }
    const { token } = await this.admin.call('tokens.create', { body: { name: project, project, role } });
    return { ...createClient({ baseUrl: this.url, token }), token };
  }

  async stop(): Promise<void> {
    await this.running?.close();
    this.running = null;
  }

  async startAgain(): Promise<void> {
    this.running = await startControlPlane(this.config);
  }

  async close(): Promise<void> {
    await this.stop();
    await this.database.close();
    await this.own.drop();
    await rm(this.config.dataDir, { recursive: true, force: true });
  }
}

/** Looks until something is so; the last answer is in the message when it never is. */
export async function until<T>(what: string, look: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 40_000;
  for (;;) {
    const value = await look();
    if (isSo(value)) return value;
    if (Date.now() > deadline) throw new Error(`never became so: ${what}; last seen: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}
