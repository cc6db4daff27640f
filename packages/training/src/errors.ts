/** What can go wrong between a forward model and a trained one. */
export type TrainingErrorCode =
  /** Nodes on the path from a parameter to the loss have no gradient rule; every such node is named. */
  | 'no-gradient'
  /** The forward model cannot be trained as it is: dynamic shapes, several outputs, no parameters, foreign opset. */
  | 'bad-model'
  /** Options contradict each other or the model; every bad one is named. */
  | 'bad-options'
  /** The samples do not fit the model. */
  | 'bad-samples'
  /** No built-in architecture has this name. */
  | 'unknown-architecture'
  /** A checkpoint is damaged, or belongs to another run. */
  | 'bad-checkpoint'
  /** The loss became NaN or infinite. */
  | 'diverged'
  /** The caller's signal asked for a stop. */
  | 'cancelled';

/** An error of this package; `problems` lists each fault when there are several. */
export class TrainingError extends Error {
  override readonly name = 'TrainingError';
  readonly code: TrainingErrorCode;
  readonly problems: readonly string[];

  constructor(
    code: TrainingErrorCode,
    message: string,
    options: { problems?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

/** Throws `code` with all problems in one message, when there are any. */
export function refuse(code: TrainingErrorCode, what: string, problems: readonly string[]): void {
  if (problems.length > 0) throw new TrainingError(code, `${what}: ${problems.join('; ')}`, { problems });
}
