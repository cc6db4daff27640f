/** The environment, parsed once. Values are never echoed: an error names the variable and what was expected. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { AgentError } from './errors.js';

const bytes = (fallback: number, least: number) => z.coerce.number().int().min(least).default(fallback);

const Environment = z.object({
  VERGE_AGENT_DIR: z.string().min(1).optional(),
  VERGE_AGENT_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  /** Intra-op threads of the inference process. */
  VERGE_AGENT_THREADS: z.coerce.number().int().min(1).max(256).default(1),
  /** Largest size of the telemetry spool. */
  VERGE_AGENT_SPOOL_BYTES: bytes(256 * 1024 * 1024, 64 * 1024),
  /** Disk space that a download leaves free. */
  VERGE_AGENT_RESERVE_BYTES: bytes(64 * 1024 * 1024, 0),
  /** Largest body of a request to the local API. */
  VERGE_AGENT_BODY_BYTES: bytes(64 * 1024 * 1024, 1024),
  /** How long a new model is watched for crashes before it counts as settled. */
  VERGE_AGENT_PROBATION_SECONDS: z.coerce.number().min(0).default(60),
  /** Crashes within the probation that take the old model back. */
  VERGE_AGENT_PROBATION_CRASHES: z.coerce.number().int().min(1).default(3),
  /** How often the open telemetry window is made durable: what kill -9 can lose. */
  VERGE_AGENT_JOURNAL_MS: z.coerce.number().int().min(50).default(1000),
  /** For tests: `entered:<state>`, `acted:<state>` or `packed:<point>`, where the process kills itself with SIGKILL. */
  VERGE_AGENT_KILL_AT: z
    .string()
    .regex(/^(entered|acted|packed):[a-z-]+$/)
    .optional(),
});

export interface Settings {
  dir: string;
  logLevel: string;
  threads: number;
  spoolBytes: number;
  reserveBytes: number;
  bodyBytes: number;
  probationMs: number;
  probationCrashes: number;
  journalMs: number;
  killAt: string | null;
}

/** @throws AgentError `SETTINGS_INVALID` naming every bad variable */
export function readSettings(environment: NodeJS.ProcessEnv, dir?: string): Settings {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    const bad = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new AgentError('SETTINGS_INVALID', bad.join('; '));
  }
  const env = parsed.data;
  return {
    dir: resolve(dir ?? env.VERGE_AGENT_DIR ?? join(homedir(), '.local', 'share', 'verge-agent')),
    logLevel: env.VERGE_AGENT_LOG_LEVEL,
    threads: env.VERGE_AGENT_THREADS,
    spoolBytes: env.VERGE_AGENT_SPOOL_BYTES,
    reserveBytes: env.VERGE_AGENT_RESERVE_BYTES,
    bodyBytes: env.VERGE_AGENT_BODY_BYTES,
    probationMs: env.VERGE_AGENT_PROBATION_SECONDS * 1000,
    probationCrashes: env.VERGE_AGENT_PROBATION_CRASHES,
    journalMs: env.VERGE_AGENT_JOURNAL_MS,
    killAt: env.VERGE_AGENT_KILL_AT ?? null,
  };
}
