/** Asking again where it is safe: a request under an idempotency key is carried out once, however often it arrives. */

/** Waits before the second, third and fourth attempt. */
const WAITS_MS = [300, 1_000, 3_000];
const LONGEST_WAIT_MS = 10_000;

/** 128 random bits. Not `crypto.randomUUID`, which browsers keep from pages that came over plain HTTP. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Nobody listens there, or there is no such host: asking again would only make the error late. */
function isHopeless(error: unknown): boolean {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  return code === 'ECONNREFUSED' || code === 'ENOTFOUND';
}

/** How long to wait before asking again; null when the answer stands. */
async function waitAfter(response: Response, attempt: number): Promise<number | null> {
  const wait = WAITS_MS[attempt];
  if (wait === undefined) return null;
  if (response.status === 409) {
    // The first attempt is still being carried out.
    const problem = (await response
      .clone()
      .json()
      .catch(() => null)) as { code?: string } | null;
    return problem?.code === 'REQUEST_IN_PROGRESS' ? wait : null;
  }
  if (response.status !== 503) return null;
  const asked = Number(response.headers.get('retry-after') ?? NaN) * 1000;
  return Number.isFinite(asked) ? Math.min(Math.max(asked, wait), LONGEST_WAIT_MS) : wait;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    function done(): void {
      signal?.removeEventListener('abort', abort);
      resolve();
    }
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

/** Sends until there is an answer that stands: connections that break, 503, and 409 while the first is under way are tried again. */
export async function fetchAgain(ask: () => Promise<Response>, signal?: AbortSignal): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    let wait: number | null;
    try {
      const response = await ask();
      wait = await waitAfter(response, attempt);
      if (wait === null) return response;
      await response.body?.cancel();
    } catch (error) {
      wait = WAITS_MS[attempt] ?? null;
      if (wait === null || signal?.aborted || isHopeless(error)) throw error;
    }
    await pause(wait, signal);
  }
}
