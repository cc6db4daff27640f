import type { IncomingMessage } from 'node:http';
import { AgentError } from '../errors.js';

/** The whole body. @throws AgentError `REQUEST_TOO_LARGE` before more than the limit is held, `REQUEST_INVALID` when cut off */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = (): never => {
    throw new AgentError('REQUEST_TOO_LARGE', `a request has at most ${limit} bytes`);
  };
  if (request.headers['content-encoding'] !== undefined && request.headers['content-encoding'] !== 'identity') {
    throw new AgentError('REQUEST_INVALID', 'compressed bodies are not read');
  }
  if (Number(request.headers['content-length'] ?? 0) > limit) tooLarge();
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > limit) tooLarge();
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError('REQUEST_INVALID', 'the body was cut off', { cause: error });
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, bytes);
}
