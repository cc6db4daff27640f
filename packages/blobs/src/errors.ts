/** Every way in which a blob store refuses. */
export type BlobErrorCode =
  | 'blob-digest-invalid'
  | 'blob-digest-mismatch'
  | 'blob-too-large'
  | 'blob-not-found'
  | 'blob-range-invalid'
  | 'blob-corrupt'
  | 'blob-source-failed'
  | 'blob-config-invalid'
  | 'blob-store-failed';

/** The one error class of this package; `code` says which refusal it is, `cause` keeps what lay underneath. */
export class BlobError extends Error {
  override readonly name = 'BlobError';

  constructor(
    readonly code: BlobErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Keeps a BlobError as it is and wraps anything else, so that callers only ever see coded errors. */
export function asBlobError(error: unknown, code: BlobErrorCode, doing: string): BlobError {
  if (error instanceof BlobError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new BlobError(code, `${doing}: ${reason}`, { cause: error });
}
