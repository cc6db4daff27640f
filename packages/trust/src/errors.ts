/** Every way in which this package refuses. */
export type TrustErrorCode =
  /* What the caller passed in. */
  | 'input-invalid'
  /* Certificates and requests. */
  | 'certificate-malformed'
  | 'certificate-foreign'
  | 'certificate-expired'
  | 'certificate-not-yet-valid'
  | 'certificate-not-a-device'
  | 'authority-invalid'
  | 'request-malformed'
  | 'request-key-unsupported'
  | 'request-not-proven'
  /* Keys and signing. */
  | 'key-malformed'
  | 'key-exists'
  | 'key-unreadable'
  | 'passphrase-needed'
  | 'passphrase-wrong'
  | 'threshold-not-met'
  | 'repository-invalid'
  | 'target-unknown'
  /* The device's view of a repository. */
  | 'metadata-expired'
  | 'metadata-fetch-failed'
  | 'metadata-invalid'
  | 'metadata-mismatch'
  | 'metadata-missing'
  | 'metadata-rollback'
  | 'metadata-spec-unsupported'
  | 'metadata-too-large'
  | 'metadata-unsigned'
  | 'trusted-state-damaged'
  | 'trusted-state-unwritable'
  /* The two repositories together. */
  | 'target-not-released'
  | 'target-not-directed'
  | 'target-for-other-device'
  | 'target-disagreement'
  | 'target-withdrawn'
  /* Provenance. */
  | 'envelope-malformed'
  | 'envelope-unsigned'
  | 'statement-malformed'
  | 'statement-other-subject';

/** The one error class of this package; `code` says which refusal it is, `cause` keeps what lay underneath. */
export class TrustError extends Error {
  override readonly name = 'TrustError';

  constructor(
    readonly code: TrustErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Throws one `input-invalid` that names every bad field, if there is any. */
export function refuseBad(what: string, bad: readonly string[]): void {
  if (bad.length > 0) throw new TrustError('input-invalid', `${what}: ${bad.join('; ')}`);
}
