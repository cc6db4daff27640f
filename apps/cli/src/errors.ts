/** What goes wrong in the command line, and with which exit code it ends. */
import type { CompressionErrorCode } from '@verge/compression';
import { ApiError, fieldErrors, type Holders } from '@verge/contracts';
import type { DataErrorCode } from '@verge/data';
import type { OnnxErrorCode } from '@verge/onnx';
import type { PackErrorCode } from '@verge/onnx/pack';
import type { RuntimeErrorCode } from '@verge/runtime';
import type { TrainingErrorCode } from '@verge/training';
import type { TrustErrorCode } from '@verge/trust/publish';
import { z } from 'zod';

export const exitCodes = {
  /** The operation itself failed: a training that failed, a rollout that was reverted, a model that is not offered. */
  failed: 1,
  /** What was given is wrong: the command line, a configuration, a recipe, data or a model. */
  usage: 2,
  /** No credentials, or not enough. */
  denied: 3,
  /** What was named does not exist. */
  missing: 4,
  /** The control plane cannot be reached. */
  unreachable: 5,
  /** Stopped by SIGINT or SIGTERM before the end. */
  interrupted: 130,
} as const;
export type ExitReason = keyof typeof exitCodes;

interface CliErrorOptions extends ErrorOptions {
  /** The code of the package that refused. */
  reason?: string;
  /** The command has printed its answer already; only the exit code and stderr are left to say. */
  answered?: boolean;
}

export class CliError extends Error {
  readonly reason: string | undefined;
  readonly answered: boolean;

  constructor(
    readonly code: ExitReason,
    message: string,
    /** Further lines: bad fields, or what to do next. */
    readonly details: readonly string[] = [],
    options: CliErrorOptions = {},
  ) {
    super(message, options);
    this.name = 'CliError';
    this.reason = options.reason;
    this.answered = options.answered ?? false;
  }
}

const ofApi: Partial<Record<ApiError['code'], ExitReason>> = {
  UNAUTHENTICATED: 'denied',
  FORBIDDEN: 'denied',
  NOT_FOUND: 'missing',
  UNREACHABLE: 'unreachable',
  VALIDATION_FAILED: 'usage',
  MALFORMED_BODY: 'usage',
};

const ofData: Record<DataErrorCode, ExitReason> = {
  'not-found': 'missing',
  'unknown-format': 'usage',
  malformed: 'usage',
  'unreadable-rows': 'usage',
  'too-large': 'usage',
  'missing-part': 'usage',
  'shape-mismatch': 'usage',
  'bad-preprocess': 'usage',
  'bad-split': 'usage',
  undecided: 'usage',
  'bad-setting': 'usage',
};

const ofOnnx: Record<OnnxErrorCode, ExitReason> = {
  truncated: 'usage',
  malformed: 'usage',
  'too-deep': 'usage',
  'too-large': 'usage',
  unsupported: 'usage',
  'tensor-data': 'usage',
  'duplicate-name': 'usage',
  'illegal-model': 'usage',
  attribute: 'usage',
  shape: 'usage',
  build: 'failed',
  rewrite: 'failed',
  partition: 'usage',
  'no-sizes': 'usage',
  opset: 'usage',
  'numbers-differ': 'failed',
};

const ofRuntime: Record<RuntimeErrorCode, ExitReason> = {
  'runtime-unavailable': 'failed',
  'model-refused': 'usage',
  'bad-feed': 'usage',
  'bad-output': 'usage',
  'unsupported-type': 'usage',
  'run-failed': 'failed',
  closed: 'failed',
  crashed: 'failed',
  'start-failed': 'failed',
  timeout: 'failed',
  overloaded: 'failed',
  'bad-samples': 'usage',
  'bad-setting': 'usage',
};

const ofTraining: Record<TrainingErrorCode, ExitReason> = {
  'no-gradient': 'usage',
  'bad-model': 'usage',
  'bad-options': 'usage',
  'bad-samples': 'usage',
  'unknown-architecture': 'usage',
  'bad-checkpoint': 'usage',
  diverged: 'failed',
  cancelled: 'interrupted',
};

const ofCompression: Record<CompressionErrorCode, ExitReason> = {
  'bad-recipe': 'usage',
  'unsuitable-model': 'usage',
  'bad-samples': 'usage',
  'bad-calibration': 'failed',
  'illegal-result': 'failed',
  cancelled: 'interrupted',
};

const ofPack: Record<PackErrorCode, ExitReason> = {
  'not-packed': 'usage',
  damaged: 'usage',
  'too-large': 'usage',
  'wrong-base': 'usage',
  cancelled: 'interrupted',
};

const ofTrust: Partial<Record<TrustErrorCode, ExitReason>> = {
  'input-invalid': 'usage',
  'key-malformed': 'usage',
  'key-exists': 'usage',
  'key-unreadable': 'missing',
  'passphrase-needed': 'denied',
  'passphrase-wrong': 'denied',
};

/** By the name of the package's error class, so that no engine is loaded just to recognise its errors. */
const ofEngines: Readonly<Record<string, Readonly<Record<string, ExitReason>>>> = {
  DataError: ofData,
  OnnxError: ofOnnx,
  LegalityError: ofOnnx,
  RuntimeError: ofRuntime,
  TrainingError: ofTraining,
  CompressionError: ofCompression,
  PackError: ofPack,
  TrustError: ofTrust,
};

function engineError(error: Error): CliError | undefined {
  const table = ofEngines[error.name];
  const { code, problems } = error as Error & { code?: unknown; problems?: unknown };
  if (!table || typeof code !== 'string') return undefined;
  const several = Array.isArray(problems) && problems.length > 1 ? problems.map(String) : [];
  // They are lines of their own then, and need not stand in the message too.
  const list = `: ${several.join('; ')}`;
  const message =
    several.length > 0 && error.message.endsWith(list) ? error.message.slice(0, -list.length) : error.message;
  // A heading of one word is the place where they were found.
  const heading = /\s/.test(message) ? message : `${message}: ${several.length} problems`;
  return new CliError(table[code] ?? 'failed', several.length > 0 ? heading : message, several, {
    cause: error,
    reason: code,
  });
}

/** Any error as one of ours: its message for people, its code for scripts. */
export function cliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof ApiError) {
    const details = error.errors.map((e) => `${e.field}: ${e.detail}`);
    for (const holders of error.holders) details.push(...holderLines(holders));
    if (error.code === 'UNAUTHENTICATED') details.push('log in with: verge login --url URL --email EMAIL');
    return new CliError(ofApi[error.code] ?? 'failed', error.message, details, { cause: error, reason: error.code });
  }
  if (error instanceof z.ZodError) {
    return new CliError('usage', 'the input is not of the expected form', fieldLines(error), { cause: error });
  }
  if (error instanceof Error) {
    const known = engineError(error);
    if (known) return known;
  }
  const message = error instanceof Error ? error.message : String(error);
  return new CliError('failed', message, [], { cause: error });
}

/** What is in the way of a deletion: a line for each, as far as they are told. */
function holderLines({ kind, items, more }: Holders): string[] {
  const lines = items.map(({ id, name }) => `${kind} ${name === id ? id : `${name}  ${id}`}`);
  return more > 0 ? [...lines, `and ${more} more of kind ${kind}`] : lines;
}

/** A line for each bad field, its path with dots. */
export function fieldLines(error: z.ZodError): string[] {
  return fieldErrors(error).map(
    ({ field, detail }) => `${field === '/' ? '(whole)' : field.slice(1).replaceAll('/', '.')}: ${detail}`,
  );
}
