/** The worker's environment, parsed once. Values are never echoed, only names. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const optional = (schema: z.ZodString) => z.preprocess((v) => (v === '' ? undefined : v), schema.optional());

const Environment = z.object({
  VERGE_DATA_DIR: z.string().default('.verge/data'),
  DATABASE_URL: optional(z.string().regex(/^postgres(ql)?:\/\//, 'expected a postgres:// URL')),
  REDIS_URL: optional(z.string().regex(/^rediss?:\/\//, 'expected a redis:// URL')),
  S3_ENDPOINT: optional(z.string()),
  S3_BUCKET: optional(z.string()),
  S3_REGION: optional(z.string()),
  S3_ACCESS_KEY_ID: optional(z.string()),
  S3_SECRET_ACCESS_KEY: optional(z.string()),
  S3_FORCE_PATH_STYLE: optional(z.string()),
  VERGE_WORKER_LOCK_MS: z.coerce
    .number('expected milliseconds')
    .int('expected whole milliseconds')
    .min(1000, 'expected at least 1000 ms')
    .default(15_000),
  VERGE_WORKER_HEARTBEAT: optional(z.string()),
  VERGE_WORKER_NAME: z.string().max(120).default(`${hostname()}-${process.pid}`),
  VERGE_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});

export interface WorkerConfig {
  readonly name: string;
  readonly dataDir: string;
  /** A worker that dies is noticed after about this long, and another takes its job. */
  readonly lockMs: number;
  /** Touched every ten seconds while the queue answers. */
  readonly heartbeatFile?: string | undefined;
  readonly queue: { kind: 'redis' | 'postgres'; url: string };
  /** What `openBlobStore` reads. */
  readonly blobs: Record<string, string | undefined>;
  readonly logLevel: string;
}

export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID';
  constructor(readonly problems: readonly string[]) {
    super(`the environment is not as expected:\n${problems.map((p) => `  ${p}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** What a control plane on this machine wrote down for its local workers. */
async function localControlPlane(
  dataDir: string,
): Promise<{ databaseUrl?: string; redisUrl?: string | null } | undefined> {
  const text = await readFile(join(dataDir, 'control-plane.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as { databaseUrl?: string; redisUrl?: string | null });
}

/** @throws ConfigError naming every bad variable */
export async function readConfig(env: NodeJS.ProcessEnv): Promise<WorkerConfig> {
  const parsed = Environment.safeParse(env);
  if (!parsed.success) throw new ConfigError(parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`));
  const e = parsed.data;
  const local = e.DATABASE_URL || e.REDIS_URL ? undefined : await localControlPlane(e.VERGE_DATA_DIR);
  const redis = e.REDIS_URL ?? local?.redisUrl ?? undefined;
  const postgres = e.DATABASE_URL ?? local?.databaseUrl;
  const url = redis ?? postgres;
  if (!url)
    throw new ConfigError([
      'DATABASE_URL or REDIS_URL: expected one of them, or a control plane running on VERGE_DATA_DIR',
    ]);
  const { S3_ENDPOINT, S3_BUCKET, S3_REGION, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY, S3_FORCE_PATH_STYLE } = e;
  return {
    name: e.VERGE_WORKER_NAME,
    dataDir: e.VERGE_DATA_DIR,
    lockMs: e.VERGE_WORKER_LOCK_MS,
    heartbeatFile: e.VERGE_WORKER_HEARTBEAT,
    queue: { kind: redis ? 'redis' : 'postgres', url },
    blobs: {
      S3_ENDPOINT,
      S3_BUCKET,
      S3_REGION,
      S3_ACCESS_KEY_ID,
      S3_SECRET_ACCESS_KEY,
      S3_FORCE_PATH_STYLE,
      BLOBS_DIR: join(e.VERGE_DATA_DIR, 'blobs'),
    },
    logLevel: e.VERGE_LOG_LEVEL,
  };
}
