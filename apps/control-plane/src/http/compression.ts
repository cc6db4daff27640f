/**
 * Answers in the coding that the reader takes best: Brotli or gzip (RFC 9110, section 12.5.3).
 *
 * BREACH needs three things in one compressed answer: a secret, text that an attacker chooses, and an attacker who makes the
 * reader's browser ask again and again with its credentials. Here no secret is in an answer to GET: tokens, enrolment bundles and
 * sessions are told once, in the answer to the POST that makes them, and those answers are not compressed. The session's cookie
 * is a header, which is not compressed, and SameSite=Strict, so that another site's requests come without it.
 */
import type { ServerResponse } from 'node:http';
import compression from 'compression';
import onHeaders from 'on-headers';
import { codedTag } from './entity-tag.js';
import type { HttpRequest } from './request.js';

type Handler = (request: HttpRequest, response: ServerResponse, next: () => void) => void;

const isEventStream = (response: ServerResponse): boolean =>
  String(response.getHeader('content-type') ?? '').startsWith('text/event-stream');

const compress = compression({
  // An event must not wait in a compressor until its block is full.
  filter: (request, response) =>
    request.method === 'GET' && !isEventStream(response) && compression.filter(request, response),
}) as unknown as Handler;

export const compressed: Handler = (request, response, next) => {
  // Listeners of headers are called last first: this one sees the coding that was chosen.
  onHeaders(response, () => {
    const tag = response.getHeader('etag');
    if (typeof tag !== 'string' || request.method !== 'GET') return;
    const coding = response.getHeader('content-encoding');
    if (typeof coding === 'string') response.setHeader('etag', codedTag(tag, coding));
    // An answer of 304 has no body to compress, but varies all the same (RFC 9110, section 15.4.5).
    else if (response.statusCode === 304) response.appendHeader('vary', 'Accept-Encoding');
  });
  compress(request, response, next);
};
