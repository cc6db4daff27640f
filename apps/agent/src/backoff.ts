/** When to try again. */

export interface BackoffOptions {
  /** Upper bound of the first delay. */
  baseMs: number;
  /** Upper bound of every delay. */
  capMs: number;
}

export const reconnectBackoff: BackoffOptions = { baseMs: 500, capMs: 60_000 };

/**
 * Exponential back-off with full jitter: uniform in [0, min(cap, base * 2^attempt)). Devices that lost the same server
 * come back spread out instead of together.
 * @param attempt failures so far, from 0
 * @param random in [0, 1)
 */
export function backoffMs(
  attempt: number,
  random: number,
  { baseMs, capMs }: BackoffOptions = reconnectBackoff,
): number {
  return Math.floor(random * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 52)));
}

/** Resolves after the time or, at once, when the signal aborts; tells which by the signal. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Something to wait for that can be rung early; a ring while nobody waits is remembered. */
export class Bell {
  private rung = false;
  private waiting: (() => void) | null = null;

  ring(): void {
    this.rung = true;
    this.waiting?.();
  }

  /** Until the next ring, or at most `ms`. */
  async wait(ms?: number): Promise<void> {
    if (!this.rung) {
      await new Promise<void>((resolve) => {
        const timer = ms === undefined ? undefined : setTimeout(resolve, Math.min(ms, 2 ** 31 - 1));
        this.waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.waiting = null;
    }
    this.rung = false;
  }
}
