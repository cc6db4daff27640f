/** Server-sent events, parsed by the schema of their route. The browser reconnects and sends Last-Event-ID by itself. */
import type { z } from 'zod';

interface Listener<T> {
  onEvent: (event: T) => void;
  onState?: (state: 'connecting' | 'live' | 'lost') => void;
}

/** A server that ended the stream for good is asked again after this long. */
const AGAIN_MS = 5_000;

export function listen<S extends z.ZodType>(url: string, schema: S, listener: Listener<z.output<S>>): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const read = (message: MessageEvent<unknown>): void => {
    const parsed = schema.safeParse(jsonOf(message.data));
    if (parsed.success) listener.onEvent(parsed.data);
  };
  const open = (): void => {
    listener.onState?.('connecting');
    source = new EventSource(url);
    source.onopen = () => listener.onState?.('live');
    source.onerror = () => {
      listener.onState?.('lost');
      if (source?.readyState !== EventSource.CLOSED) return;
      clearTimeout(timer);
      timer = setTimeout(open, AGAIN_MS);
    };
    source.onmessage = read;
  };
  open();
  return () => {
    clearTimeout(timer);
    source?.close();
  };
}

function jsonOf(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return null;
  }
}
