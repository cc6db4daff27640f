/** A control plane of a benchmark's own, on embedded defaults and free ports. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type Client } from '@verge/contracts';
import { parseConfig, startControlPlane, type ControlPlane } from '@verge/control-plane';

export interface BenchPlane {
  readonly plane: ControlPlane;
  readonly dir: string;
  /** The administrator's session. */
  readonly api: Client;
}

/** Starts it, lets it be used, and leaves nothing behind. */
export async function withControlPlane<T>(
  env: Record<string, string>,
  use: (bench: BenchPlane) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'verge-bench-'));
  const admin = { email: 'bench@example.org', password: randomBytes(16).toString('hex') };
  const plane = await startControlPlane(
    parseConfig({
      VERGE_DATA_DIR: dir,
      VERGE_HTTP_PORT: '0',
      VERGE_GRPC_PORT: '0',
      VERGE_ENROLL_PORT: '0',
      VERGE_GRPC_HOST: '127.0.0.1',
      VERGE_ADMIN_EMAIL: admin.email,
      VERGE_ADMIN_PASSWORD: admin.password,
      VERGE_LOG_LEVEL: 'error',
      ...env,
    }),
  );
  try {
    const { token } = await createClient({ baseUrl: plane.httpUrl }).call('auth.login', { body: admin });
    return await use({ plane, dir, api: createClient({ baseUrl: plane.httpUrl, token }) });
  } finally {
    await plane.close();
    await rm(dir, { recursive: true, force: true });
  }
}
