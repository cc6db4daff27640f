/** Every way in which a packed file is refused. */
export type PackErrorCode =
  /** The bytes do not begin as a packed file, or as one of a later form. */
  | 'not-packed'
  /** What the file says of itself does not hold: lengths, steps, or the digest of what came out. */
  | 'damaged'
  /** More bytes than the caller allows would come out. */
  | 'too-large'
  /** It holds the difference from another file, which was not given, or another one was. */
  | 'wrong-base'
  /** The caller's signal asked for a stop. */
  | 'cancelled';

export class PackError extends Error {
  override readonly name = 'PackError';
  constructor(
    readonly code: PackErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export function damaged(what: string, cause?: unknown): never {
  throw new PackError('damaged', `the packed file is damaged: ${what}`, cause === undefined ? undefined : { cause });
}
