/** The environment, parsed once. An error names every bad variable and what was expected, never a value. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { ControlPlaneError } from './errors.js';
import { parseProxies, type TrustedProxies } from './http/client-address.js';

const port = (fallback: number) =>
  z.coerce
    .number('expected a port number')
    .int('expected a port number')
    .min(0, 'expected a port from 0 (any) to 65535')
    .max(65_535, 'expected a port from 0 (any) to 65535')
    .default(fallback);
/** 0: for ever. */
const days = (fallback: number) =>
  z.coerce
    .number('expected a number of days')
    .int('expected a whole number of days')
    .min(0, 'expected at least 0, which means for ever')
    .max(36_500, 'expected at most 36500')
    .default(fallback);
const hourMs = 3_600_000;
const flag = z
  .enum(['true', 'false', '1', '0'], 'expected true or false')
  .default('false')
  .transform((v) => v === 'true' || v === '1');
const url = (...schemes: string[]) =>
  z
    .string()
    .refine((v) => URL.canParse(v) && schemes.includes(new URL(v).protocol), `expected a URL: ${schemes.join(' or ')}`);

const Environment = z.object({
  VERGE_DATA_DIR: z.string().default('.verge/data'),
  DATABASE_URL: url('postgres:', 'postgresql:').optional(),
  REDIS_URL: url('redis:', 'rediss:').optional(),
  S3_ENDPOINT: url('http:', 'https:').optional(),
  S3_BUCKET: z.string().optional(),
  S3_REGION: z.string().optional(),
  S3_ACCESS_KEY_ID: z.string().optional(),
  S3_SECRET_ACCESS_KEY: z.string().optional(),
  S3_FORCE_PATH_STYLE: z.enum(['true', 'false'], 'expected true or false').optional(),
  VERGE_HTTP_PORT: port(7400),
  VERGE_HTTP_HOST: z.string().default('127.0.0.1'),
  VERGE_GRPC_PORT: port(7443),
  VERGE_ENROLL_PORT: port(7444),
  VERGE_GRPC_HOST: z.string().default('0.0.0.0'),
  VERGE_PUBLIC_HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:-]+$/, 'expected a host name or address')
    .default('localhost'),
  VERGE_STRICT_PORTS: flag,
  VERGE_STARTUP_WAIT_SECONDS: z.coerce.number('expected seconds').min(0).max(3600).default(60),
  VERGE_ADMIN_EMAIL: z.email('expected an e-mail address').optional(),
  VERGE_ADMIN_PASSWORD: z.string().min(10, 'expected at least 10 characters').optional(),
  VERGE_TRUSTED_PROXIES: z
    .string()
    .default('')
    .transform((text, context) => {
      const list = parseProxies(text);
      if (list) return list;
      context.addIssue('expected addresses, CIDR networks or "loopback", separated by commas');
      return z.NEVER;
    }),
  VERGE_FORWARDED_HEADER: z
    .enum(['x-forwarded-for', 'forwarded'], 'expected x-forwarded-for or forwarded')
    .default('x-forwarded-for'),
  VERGE_CONSOLE_DIR: z.string().optional(),
  VERGE_MAX_BLOB_BYTES: z.coerce
    .number('expected a number of bytes')
    .int('expected a whole number of bytes')
    .min(1, 'expected at least 1')
    .default(8 * 1024 ** 3),
  VERGE_PACK_MAX_BYTES: z.coerce
    .number('expected a number of bytes')
    .int('expected a whole number of bytes')
    .min(0, 'expected at least 0, which means that nothing is packed')
    .max(2 ** 31 - 1, 'expected at most 2147483647')
    .default(128 * 1024 ** 2),
  VERGE_REPORT_INTERVAL_SECONDS: z.coerce.number('expected seconds').min(1).max(3600).default(30),
  VERGE_TELEMETRY_MAX_RATE: z.coerce
    .number('expected requests a second')
    .int('expected a whole number of requests a second')
    .min(1, 'expected at least 1')
    .max(1_000_000, 'expected at most 1000000')
    .default(10_000),
  VERGE_TELEMETRY_CLOCK_TOLERANCE_SECONDS: z.coerce
    .number('expected seconds')
    .min(0, 'expected at least 0')
    .max(86_400, 'expected at most 86400')
    .default(3600),
  VERGE_CERTIFICATE_GRACE_DAYS: z.coerce
    .number('expected a number of days')
    .int('expected a whole number of days')
    .min(0, 'expected at least 0')
    .max(3650, 'expected at most 3650')
    .default(365),
  VERGE_BLOB_GRACE_HOURS: z.coerce
    .number('expected a number of hours')
    .min(2, 'expected at least 2, so that what is being sent is not collected')
    .max(8760, 'expected at most 8760')
    .default(24),
  VERGE_BLOB_COLLECT_HOURS: z.coerce
    .number('expected a number of hours')
    .min(0, 'expected at least 0, which means only by hand')
    .max(8760, 'expected at most 8760')
    .default(24),
  VERGE_TELEMETRY_RAW_DAYS: days(7),
  VERGE_TELEMETRY_MINUTE_DAYS: days(7),
  VERGE_TELEMETRY_HOUR_DAYS: days(400),
  VERGE_TELEMETRY_DEVICE_DAYS: days(30),
  VERGE_QUARANTINE_DAYS: days(30),
  VERGE_DEVICE_EVENT_DAYS: days(90),
  VERGE_AUDIT_DAYS: days(0),
  VERGE_LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'expected a level from fatal to trace')
    .default('info'),
});
type Environment = z.output<typeof Environment>;

/** What `openBlobStore` reads. */
export type BlobSettings = Pick<Environment, Extract<keyof Environment, `S3_${string}`>> & { BLOBS_DIR?: string };

/** Days for which each is kept; 0: for ever. */
export interface RetentionConfig {
  /** Raw telemetry records. */
  readonly rawDays: number;
  /** Roll-ups of minutes. */
  readonly minuteDays: number;
  /** Roll-ups of hours, of projects and groups. */
  readonly hourDays: number;
  /** Roll-ups of hours of single devices, and what rollouts read. */
  readonly deviceDays: number;
  readonly quarantineDays: number;
  readonly deviceEventDays: number;
  readonly auditDays: number;
}

export interface ControlPlaneConfig {
  /** Absolute. */
  readonly dataDir: string;
  /** Undefined: an embedded Postgres below `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** Undefined: the queue is on Postgres. */
  readonly redisUrl: string | undefined;
  readonly blobs: BlobSettings;
  readonly http: { readonly host: string; readonly port: number };
  readonly grpc: { readonly host: string; readonly port: number; readonly enrollPort: number };
  /** The host under which devices reach the gRPC ports, and the console is announced. */
  readonly publicHost: string;
  /** A taken port is an error instead of a reason to take another. */
  readonly strictPorts: boolean;
  /** How long a start waits for Postgres and Redis to answer. */
  readonly startupWaitMs: number;
  readonly admin: { readonly email: string | undefined; readonly password: string | undefined };
  /** Proxies whose word about who is behind them is taken. */
  readonly trustedProxies: TrustedProxies;
  readonly consoleDir: string | undefined;
  readonly maxBlobBytes: number;
  readonly blobCollection: {
    /** How long a blob that nothing uses is left alone after it was sent, or asked about. */
    readonly graceMs: number;
    /** Between two collections; 0: only by hand. */
    readonly everyMs: number;
  };
  readonly packing: {
    /** Larger files go to devices as they are; 0: all do. */
    readonly maxBytes: number;
  };
  /** Seconds between a device's status reports, and between its telemetry pushes. */
  readonly reportIntervalSeconds: number;
  readonly telemetry: {
    /** Bounds of what a device may claim; a record beyond them is set aside. */
    readonly limits: { readonly requestsPerSecond: number; readonly clockToleranceMs: number };
  };
  /** Days after its certificate has expired that a device may still renew it, with the same key. */
  readonly certificateGraceDays: number;
  readonly retention: RetentionConfig;
  readonly logLevel: Environment['VERGE_LOG_LEVEL'];
}

/** @throws ControlPlaneError CONFIG_INVALID */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): ControlPlaneConfig {
  // An empty variable is an unset one, as compose files leave them.
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = Environment.safeParse(set);
  if (!parsed.success) {
    const reasons = parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`);
    throw new ControlPlaneError('CONFIG_INVALID', `the environment is not valid: ${reasons.join('; ')}`);
  }
  return toConfig(parsed.data);
}

function toConfig(e: Environment): ControlPlaneConfig {
  const dataDir = resolve(e.VERGE_DATA_DIR);
  const { S3_ENDPOINT, S3_BUCKET, S3_REGION, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY, S3_FORCE_PATH_STYLE } = e;
  const s3 = { S3_ENDPOINT, S3_BUCKET, S3_REGION, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY, S3_FORCE_PATH_STYLE };
  return {
    dataDir,
    databaseUrl: e.DATABASE_URL,
    redisUrl: e.REDIS_URL,
    blobs: S3_ENDPOINT || S3_BUCKET ? s3 : { ...s3, BLOBS_DIR: resolve(dataDir, 'blobs') },
    http: { host: e.VERGE_HTTP_HOST, port: e.VERGE_HTTP_PORT },
    grpc: { host: e.VERGE_GRPC_HOST, port: e.VERGE_GRPC_PORT, enrollPort: e.VERGE_ENROLL_PORT },
    publicHost: e.VERGE_PUBLIC_HOST,
    strictPorts: e.VERGE_STRICT_PORTS,
    startupWaitMs: e.VERGE_STARTUP_WAIT_SECONDS * 1000,
    admin: { email: e.VERGE_ADMIN_EMAIL, password: e.VERGE_ADMIN_PASSWORD },
    trustedProxies: { addresses: e.VERGE_TRUSTED_PROXIES, header: e.VERGE_FORWARDED_HEADER },
    consoleDir: e.VERGE_CONSOLE_DIR,
    maxBlobBytes: e.VERGE_MAX_BLOB_BYTES,
    blobCollection: { graceMs: e.VERGE_BLOB_GRACE_HOURS * hourMs, everyMs: e.VERGE_BLOB_COLLECT_HOURS * hourMs },
    packing: { maxBytes: e.VERGE_PACK_MAX_BYTES },
    reportIntervalSeconds: e.VERGE_REPORT_INTERVAL_SECONDS,
    telemetry: {
      limits: {
        requestsPerSecond: e.VERGE_TELEMETRY_MAX_RATE,
        clockToleranceMs: e.VERGE_TELEMETRY_CLOCK_TOLERANCE_SECONDS * 1000,
      },
    },
    certificateGraceDays: e.VERGE_CERTIFICATE_GRACE_DAYS,
    retention: retentionOf(e),
    logLevel: e.VERGE_LOG_LEVEL,
  };
}

function retentionOf(e: Environment): RetentionConfig {
  return {
    rawDays: e.VERGE_TELEMETRY_RAW_DAYS,
    minuteDays: e.VERGE_TELEMETRY_MINUTE_DAYS,
    hourDays: e.VERGE_TELEMETRY_HOUR_DAYS,
    deviceDays: e.VERGE_TELEMETRY_DEVICE_DAYS,
    quarantineDays: e.VERGE_QUARANTINE_DAYS,
    deviceEventDays: e.VERGE_DEVICE_EVENT_DAYS,
    auditDays: e.VERGE_AUDIT_DAYS,
  };
}
