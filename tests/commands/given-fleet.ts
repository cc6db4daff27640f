/** What code blocks take as given of a fleet. Apart from `given.ts`, because a control plane is much to load and to check. */
import { join } from 'node:path';
import { createTestDatabase } from '../../apps/control-plane/test/database.js';
import { Plane } from '../../apps/control-plane/test/plane.js';
import { atEnd, environment } from './given.js';

/** Settings of a control plane that shares nothing with others on this machine. */
export async function ownPlaneSettings(): Promise<void> {
  const database = await createTestDatabase();
  atEnd(() => database.drop());
  environment({
    DATABASE_URL: database.url,
    REDIS_URL: undefined,
    S3_ENDPOINT: undefined,
    S3_BUCKET: undefined,
    VERGE_DATA_DIR: join(process.cwd(), 'data'),
    VERGE_HTTP_PORT: '0',
    VERGE_GRPC_PORT: '0',
    VERGE_ENROLL_PORT: '0',
    VERGE_GRPC_HOST: '127.0.0.1',
    VERGE_LOG_LEVEL: 'fatal',
  });
}

/** A control plane that runs, and a token of a project on it. */
export async function plane(project: string): Promise<{ baseUrl: string; token: string }> {
  const running = await Plane.start();
  atEnd(() => running.close());
  const { baseUrl, token } = await running.member(project);
  return { baseUrl, token };
}
