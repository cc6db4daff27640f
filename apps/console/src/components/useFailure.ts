import { useState } from 'react';

/** The last error of a read: while it is tried again the query forgets it, and the reader must not see a skeleton each time. */
export function useFailure(error: Error | null): Error | null {
  const [failure, setFailure] = useState(error);
  if (error && error !== failure) setFailure(error);
  return error ?? failure;
}
