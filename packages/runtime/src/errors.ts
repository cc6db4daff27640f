/** What can go wrong between a caller and the executor. */
export type RuntimeErrorCode =
  /** The executor could not be loaded on this machine. */
  | 'runtime-unavailable'
  /** The executor does not accept the bytes as a model. */
  | 'model-refused'
  /** Feeds do not fit the model's inputs: missing, unknown, wrong element type or wrong shape. */
  | 'bad-feed'
  /** An output was asked for that the model does not have. */
  | 'bad-output'
  /** An element type that the executor's JavaScript binding does not carry. */
  | 'unsupported-type'
  /** The executor failed while running. */
  | 'run-failed'
  /** The session, or the process that held it, was closed. */
  | 'closed'
  /** The inference process ended while the request was in it. */
  | 'crashed'
  /** The inference process could not start or load the model. */
  | 'start-failed'
  /** No answer within the time allowed. */
  | 'timeout'
  /** More requests in flight than the queue allows, or no turn within the time allowed. */
  | 'overloaded'
  /** The samples do not fit the model, so it cannot be evaluated on them. */
  | 'bad-samples'
  /** A setting is out of range. */
  | 'bad-setting';

/** An error with a closed set of codes; `problems` names every bad field when there are several. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly code: RuntimeErrorCode;
  readonly problems: readonly string[];

  constructor(
    code: RuntimeErrorCode,
    message: string,
    options: { cause?: unknown; problems?: readonly string[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
