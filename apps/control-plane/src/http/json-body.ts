import type { IncomingMessage } from 'node:http';
import { routes, type Method, type RouteName } from '@verge/contracts';
import { checkMediaType } from './media-type.js';
import { ProblemError } from './problem-error.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const KiB = 1024;
const MiB = 1024 * KiB;
const DEFAULT_LIMIT = MiB;
const limits: Partial<Record<RouteName, number>> = {
  'auth.login': 4 * KiB,
  // Ten thousand files by path, digest and size; more come as a list that is a blob.
  'datasets.create': 8 * MiB,
  // TUF metadata, base64.
  'releases.create': 64 * MiB,
};

/**
 * Reads a JSON body after the caller is known, so that a stranger cannot make the process buffer one.
 * @throws ProblemError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, MALFORMED_BODY
 */
export async function readJsonBody(request: IncomingMessage, name: RouteName): Promise<unknown> {
  checkMediaType(request, jsonTypesOf(routes[name].method), 'refused');
  const limit = limits[name] ?? DEFAULT_LIMIT;
  const refuse = (): ProblemError => new ProblemError('BODY_TOO_LARGE', `expected a body of at most ${limit} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > limit) throw refuse();
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > limit) throw refuse();
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof ProblemError) throw cause;
    throw new ProblemError('MALFORMED_BODY', 'the body broke off', [], { cause });
  }
  return parseJson(Buffer.concat(chunks));
}

/** A PATCH is a merge patch (RFC 7396), under its own type or under that of JSON. */
export const jsonTypesOf = (method: Method): readonly string[] =>
  method === 'PATCH' ? ['application/json', 'application/merge-patch+json'] : ['application/json'];

function parseJson(bytes: Buffer): unknown {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (cause) {
    throw new ProblemError('MALFORMED_BODY', 'the body is not UTF-8', [], { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProblemError('MALFORMED_BODY', `the body is not JSON: ${(cause as Error).message}`, [], { cause });
  }
}
