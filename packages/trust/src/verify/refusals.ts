import { DownloadHTTPError, DownloadLengthMismatchError } from 'tuf-js/dist/error.js';
import type { TrustErrorCode } from '../errors.js';
import { reasonOf, TrustError } from '../errors.js';

/**
 * tuf-js turns most refusals of snapshot and targets into one class with the reason as text, so the text is what tells
 * them apart. Each row is held by a test that makes a repository which is bad in that way.
 */
const refusals: readonly (readonly [RegExp, TrustErrorCode])[] = [
  [/expired/i, 'metadata-expired'],
  [/is less than current version|Missing file .* in new snapshot/, 'metadata-rollback'],
  [/was signed by \d+\/\d+ keys/, 'metadata-unsigned'],
  [/Unsupported specVersion|Failed to parse specVersion/, 'metadata-spec-unsupported'],
  [/Expected (length|hash|version)|does not match|doesn't match/, 'metadata-mismatch'],
  [/Max length reached/, 'metadata-too-large'],
  [/Failed to download/, 'metadata-missing'],
  [/Failed to persist/, 'trusted-state-unwritable'],
];

/** The coded form of whatever stopped a refresh. `fetching` is what the fetch function failed with, if it did. */
export function refusalOf(error: unknown, fetching: TrustError | null): TrustError {
  if (error instanceof TrustError) return error;
  if (fetching) return fetching;
  const reason = reasonOf(error);
  if (error instanceof DownloadHTTPError) return new TrustError('metadata-missing', reason, { cause: error });
  if (error instanceof DownloadLengthMismatchError)
    return new TrustError('metadata-too-large', reason, { cause: error });
  const code = refusals.find(([pattern]) => pattern.test(reason))?.[1] ?? 'metadata-invalid';
  return new TrustError(code, reason, { cause: error });
}
