/** Server-sent events (WHATWG HTML, section 9.2). */
import type { ServerResponse } from 'node:http';
import { HEARTBEAT_MS } from '@verge/contracts';
import type { HttpRequest } from './request.js';

/** A reader that lets this much pile up is cut off; it reconnects and reads the state again. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

export interface EventStream {
  /** `id:` of the last event that the reader got before it reconnected. */
  readonly lastEventId: string | undefined;
  readonly closed: boolean;
  send(data: unknown, id?: string | number): void;
  onClose(listener: () => void): void;
  close(): void;
}

/** Answers with an event stream. The handler takes `@Res() response`, so that Nest leaves the answer to it. */
export function openEventStream(request: HttpRequest, response: ServerResponse): EventStream {
  response.statusCode = 200;
  response.setHeader('content-type', 'text/event-stream; charset=utf-8');
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-accel-buffering', 'no');
  // HEAD asks for the headers alone (RFC 9110, section 9.3.2): the stream is over before it begins.
  let closed = request.method === 'HEAD';
  if (closed) response.end();
  else response.write(': open\n\n');
  const heartbeat = setInterval(() => response.write(': heartbeat\n\n'), HEARTBEAT_MS);
  const listeners: (() => void)[] = [];
  response.on('close', () => {
    closed = true;
    clearInterval(heartbeat);
    for (const listener of listeners) listener();
  });
  response.on('error', () => response.destroy());
  const header = request.headers['last-event-id'];
  return {
    lastEventId: typeof header === 'string' ? header : undefined,
    get closed() {
      return closed;
    },
    send(data, id) {
      if (closed) return;
      const prefix = id === undefined ? '' : `id: ${id}\n`;
      response.write(`${prefix}data: ${JSON.stringify(data)}\n\n`);
      if (response.writableLength > MAX_BUFFERED_BYTES) response.destroy();
    },
    onClose(listener) {
      if (closed) listener();
      else listeners.push(listener);
    },
    close: () => void response.end(),
  };
}
