import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { HttpRequest } from '../http/request.js';

// Inline styles are what chart and component libraries set; scripts come from this origin only.
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** On every answer, and a name for every request. */
export function securityHeaders(request: HttpRequest, response: ServerResponse, next: () => void): void {
  request.requestId = randomUUID();
  response.setHeader('x-request-id', request.requestId);
  response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('x-frame-options', 'DENY');
  response.setHeader('referrer-policy', 'no-referrer');
  response.setHeader('cross-origin-opener-policy', 'same-origin');
  response.setHeader('cross-origin-resource-policy', 'same-origin');
  // Whoever has something to keep says so. Answers of the API are kept by no browser and no proxy: after a logout nothing of them is
  // left on a disk. The console remembers them with their ETags while it is open, and asks for what changed.
  response.setHeader('cache-control', 'no-store');
  next();
}
