import { useState } from 'react';

/**
 * The last error of a read: while it is tried again the query forgets it, and the reader must not see a skeleton each time.
 * @param over it succeeded since
 */
export function useFailure(error: Error | null, over = false): Error | null {
  const [failure, setFailure] = useState(error);
  const now = error ?? (over ? null : failure);
  if (now !== failure) setFailure(now);
  return now;
}
