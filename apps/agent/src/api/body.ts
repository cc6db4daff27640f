import type { IncomingMessage } from 'node:http';
import { AgentError } from '../errors.js';

/**
 * The whole body.
 * @throws AgentError `REQUEST_TOO_LARGE` before more than the limit is held, `REQUEST_INVALID` when cut off,
 * `ENCODING_UNSUPPORTED`
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = (): never => {
    throw new AgentError('REQUEST_TOO_LARGE', `a request has at most ${limit} bytes`);
  };
  checkEncoding(request);
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

/** RFC 9110, 15.5.16: an encoding that is not read is 415; RFC 8259, 8.1: JSON is UTF-8. */
function checkEncoding({ headers }: IncomingMessage): void {
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    throw new AgentError('ENCODING_UNSUPPORTED', `Content-Encoding: ${coding} is not read; send the body as it is`);
  }
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw new AgentError('ENCODING_UNSUPPORTED', `the charset ${charset} is not read; JSON is UTF-8`);
  }
}
