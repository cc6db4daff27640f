/**
 * Answers are remembered with their ETags while the page is open, and asked for again with If-None-Match: what has not changed comes as a
 * status line. In memory only; the control plane forbids every other keeping.
 */

interface Remembered {
  readonly etag: string;
  readonly type: string;
  readonly text: string;
}

/** Characters of all answers that are remembered. */
const MOST = 8_000_000;

export function revalidating(ask: typeof fetch): typeof fetch {
  const answers = new Map<string, Remembered>();
  let size = 0;
  const forget = (url: string): void => {
    size -= answers.get(url)?.text.length ?? 0;
    answers.delete(url);
  };
  const remember = (url: string, answer: Remembered): void => {
    forget(url);
    answers.set(url, answer);
    size += answer.text.length;
    // The one that was asked for longest ago goes first.
    for (const oldest of answers.keys()) {
      if (size <= MOST) break;
      forget(oldest);
    }
  };
  return async (input, init) => {
    const events = new Headers(init?.headers).get('accept') === 'text/event-stream';
    if (typeof input !== 'string' || (init?.method ?? 'GET') !== 'GET' || events) return await ask(input, init);
    const known = answers.get(input);
    const headers = new Headers(init?.headers);
    if (known) headers.set('if-none-match', known.etag);
    const answer = await ask(input, { ...init, headers });
    if (answer.status === 304 && known) {
      remember(input, known);
      return new Response(known.text, { headers: { 'content-type': known.type, etag: known.etag } });
    }
    const etag = answer.headers.get('etag');
    const type = answer.headers.get('content-type') ?? '';
    if (!answer.ok || etag === null || !type.startsWith('application/json')) {
      forget(input);
      return answer;
    }
    const text = await answer.text();
    remember(input, { etag, type, text });
    return new Response(text, { status: answer.status, headers: answer.headers });
  };
}
