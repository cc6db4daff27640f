/** Work that a moment without network, database or control plane must not end. */
import { ApiError } from '@verge/contracts';
import type { Output } from '../output.js';

const ATTEMPTS = 8;
const FIRST_MS = 250;
const LONGEST_MS = 8000;

/** STATE_CONFLICT: another request of ours, cut off on the way, is still being taken in. */
const passing = (error: unknown): error is ApiError =>
  error instanceof ApiError &&
  (error.code === 'UNREACHABLE' || error.code === 'STATE_CONFLICT' || error.status === 429 || error.status >= 502);

/** Does it again while what went wrong may pass, at most 8 times over about half a minute. */
export async function patiently<T>(output: Output, act: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (attempt === ATTEMPTS || !passing(error)) throw error;
      // Half of the wait is by chance, so that many clients do not come back as one.
      const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
      const wait = longest / 2 + (Math.random() * longest) / 2;
      output.progress(`${error.message}; trying again`);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}
