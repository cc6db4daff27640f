/** What a request says about its body (RFC 9110, sections 8.3 and 8.4), and what is taken. */
import type { IncomingMessage } from 'node:http';
import { ProblemError } from './problem-error.js';

interface MediaType {
  readonly essence: string;
  readonly charset: string;
}

function mediaTypeOf(header: string): MediaType {
  const [essence = '', ...parameters] = header.split(';').map((part) => part.trim());
  const charset = parameters.map((p) => /^charset="?([^"]*)"?$/i.exec(p)?.[1]).find((c) => c !== undefined);
  return { essence: essence.toLowerCase(), charset: (charset ?? 'utf-8').toLowerCase() };
}

const refuse = (detail: string, headers: Record<string, string> = {}): ProblemError =>
  new ProblemError('UNSUPPORTED_MEDIA_TYPE', detail, [], { headers });

/** @throws ProblemError UNSUPPORTED_MEDIA_TYPE for a body that is encoded, or of a type or character set not in `types` */
export function checkMediaType(request: IncomingMessage, types: readonly string[], absent: 'refused' | 'taken'): void {
  const { 'content-encoding': encoding = 'identity', 'content-type': header } = request.headers;
  if (encoding.toLowerCase() !== 'identity') {
    // RFC 9110, section 12.5.3: the answer to an encoding that is not taken names those that are.
    throw refuse('expected a body without content encoding', { 'accept-encoding': 'identity' });
  }
  if (header === undefined && absent === 'taken') return;
  const { essence, charset } = mediaTypeOf(header ?? '');
  if (!types.includes(essence))
    throw refuse(`expected a body of type ${types.join(' or ')}`, { accept: types.join(', ') });
  // RFC 8259, section 8.1: JSON between systems is UTF-8.
  if (essence.endsWith('json') && charset !== 'utf-8' && charset !== 'utf8') throw refuse('expected UTF-8');
}
