/** Why a model could not be compressed. */
export type CompressionErrorCode =
  /** The recipe is not valid; every bad field is named. */
  | 'bad-recipe'
  /** A pass cannot work on this model at all; the reasons are named. */
  | 'unsuitable-model'
  /** The samples do not fit the model, or a part that a pass needs is empty. */
  | 'bad-samples'
  /** A calibration run produced values that are not finite. */
  | 'bad-calibration'
  /** A pass produced an illegal model: a fault of this package. */
  | 'illegal-result'
  /** The caller's signal asked for a stop. */
  | 'cancelled';

/** An error with a closed set of codes; `problems` lists each fault when there are several. */
export class CompressionError extends Error {
  override readonly name = 'CompressionError';
  readonly code: CompressionErrorCode;
  readonly problems: readonly string[];

  constructor(
    code: CompressionErrorCode,
    message: string,
    options: { cause?: unknown; problems?: readonly string[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

/** @throws CompressionError `cancelled` when the signal asked for a stop. */
export function checkCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new CompressionError('cancelled', 'the compression was cancelled', { cause: signal.reason });
}
