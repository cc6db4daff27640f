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

/** What a worker must reach. */
export interface Places {
  readonly queue: { kind: 'redis' | 'postgres'; url: string };
  /** What `openBlobStore` reads. */
  readonly blobs: Record<string, string | undefined>;
}

export interface WorkerConfig extends Places {
  readonly name: string;
  readonly dataDir: string;
  /** A worker that dies is noticed after about this long, and another takes its job. */
  readonly lockMs: number;
  /** Touched every ten seconds while the queue answers. */
  readonly heartbeatFile?: string | undefined;
  readonly logLevel: string;
  /**
   * Reads again what the control plane on this machine wrote down; undefined while it has nothing written down. Absent when
   * the environment says where the queue is.
   */
  readonly readAgain?: (() => Promise<WorkerConfig | undefined>) | undefined;
}

export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID';
  constructor(readonly problems: readonly string[]) {
    super(`the environment is not as expected:\n${problems.map((p) => `  ${p}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** The part of `control-plane.json` that a worker needs. */
const LocalControlPlane = z.object({
  databaseUrl: z.string().optional(),
  redisUrl: z.string().nullish(),
  blobDir: z.string().nullish(),
  s3: z.object({ endpoint: z.string().nullable(), bucket: z.string().nullable() }).nullish(),
});
type LocalControlPlane = z.infer<typeof LocalControlPlane>;

/** What a control plane on this machine wrote down for its local workers. */
async function localControlPlane(dataDir: string): Promise<LocalControlPlane | undefined> {
  const text = await readFile(join(dataDir, 'control-plane.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  return text === undefined ? undefined : LocalControlPlane.parse(JSON.parse(text));
}

/** The environment wins; without it, blobs are where the control plane has them. The keys to S3 are in the environment alone. */
function blobsOf(e: z.infer<typeof Environment>, local: LocalControlPlane | undefined): Places['blobs'] {
  const { S3_REGION, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY, S3_FORCE_PATH_STYLE } = e;
  const said = e.S3_ENDPOINT || e.S3_BUCKET ? { endpoint: e.S3_ENDPOINT, bucket: e.S3_BUCKET } : local?.s3;
  return {
    S3_ENDPOINT: said?.endpoint ?? undefined,
    S3_BUCKET: said?.bucket ?? undefined,
    S3_REGION,
    S3_ACCESS_KEY_ID,
    S3_SECRET_ACCESS_KEY,
    S3_FORCE_PATH_STYLE,
    BLOBS_DIR: local?.blobDir ?? join(e.VERGE_DATA_DIR, 'blobs'),
  };
}

/** @throws ConfigError naming every bad variable */
export async function readConfig(env: NodeJS.ProcessEnv): Promise<WorkerConfig> {
  const parsed = Environment.safeParse(env);
  if (!parsed.success) throw new ConfigError(parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`));
  const e = parsed.data;
  const said = e.REDIS_URL ?? e.DATABASE_URL;
  const config = configOf(e, said ? undefined : await localControlPlane(e.VERGE_DATA_DIR));
  if (!config)
    throw new ConfigError([
      'DATABASE_URL or REDIS_URL: expected one of them, or a control plane running on VERGE_DATA_DIR',
    ]);
  if (said) return config;
  return { ...config, readAgain: async () => configOf(e, await localControlPlane(e.VERGE_DATA_DIR)) };
}

/** Undefined when nothing says where the queue is. */
function configOf(e: z.infer<typeof Environment>, local: LocalControlPlane | undefined): WorkerConfig | undefined {
  const redis = e.REDIS_URL ?? local?.redisUrl ?? undefined;
  const url = redis ?? e.DATABASE_URL ?? local?.databaseUrl;
  if (!url) return undefined;
  return {
    name: e.VERGE_WORKER_NAME,
    dataDir: e.VERGE_DATA_DIR,
    lockMs: e.VERGE_WORKER_LOCK_MS,
    heartbeatFile: e.VERGE_WORKER_HEARTBEAT,
    queue: { kind: redis ? 'redis' : 'postgres', url },
    blobs: blobsOf(e, local),
    logLevel: e.VERGE_LOG_LEVEL,
  };
}
