/** Headers of requests and answers, each described once. */
import type { Json } from './json.js';

const text = (description: string, example: string, more: Json = {}): Json => ({
  description,
  schema: { type: 'string', ...more },
  example,
});

export const answerHeaders = {
  ETag: text(
    'Entity tag of the answer (RFC 9110, section 8.8.3). Of a thing that people change it has two halves: If-Match holds the ' +
      'first, what people change, and If-None-Match all of it.',
    '"1f0c6b7a9d2e4f5061728394-a1b2c3d4e5f60718293a4b5c"',
    { pattern: '^"[^"]+"$' },
  ),
  Location: text('Path of what was made.', '/api/v1/projects/plant', { format: 'uri-reference' }),
  'WWW-Authenticate': text('How to authenticate (RFC 6750).', 'Bearer realm="verge"'),
  Allow: text('The methods that the path has.', 'GET, HEAD, OPTIONS'),
  'Retry-After': {
    description: 'Seconds after which to ask again.',
    schema: { type: 'integer', minimum: 0 },
    example: 5,
  },
  'Content-Range': text('Which bytes of how many.', 'bytes 0-99/1000', {
    pattern: '^bytes ([0-9]+-[0-9]+|\\*)/[0-9]+$',
  }),
  'Accept-Ranges': text('That a part can be asked for.', 'bytes'),
  'Set-Cookie': text(
    'The session of a browser, or its end.',
    'verge_session=vgs_...; Path=/; HttpOnly; SameSite=Strict',
  ),
  'Idempotency-Replayed': text('That the answer is that of an earlier request under this key.', 'true', {
    enum: ['true'],
  }),
  'X-Request-Id': text('Names the request in the log of the control plane.', '5d2c1c0e-8f3a-4b0e-9a51-3d1d2d0c9c7e', {
    format: 'uuid',
  }),
} as const satisfies Record<string, Json>;
export type AnswerHeader = keyof typeof answerHeaders;

const inHeader = (name: string, description: string, schema: Json = {}): Json => ({
  name,
  in: 'header',
  required: false,
  description,
  schema: { type: 'string', ...schema },
});

export const requestHeaders = {
  IfMatch: inHeader(
    'If-Match',
    'The ETag of the state that the change was made from. Where people have changed it since, the answer is 412.',
  ),
  IfNoneMatch: inHeader('If-None-Match', 'The ETag of an answer that the caller has; 304 where it still holds.'),
  IdempotencyKey: inHeader(
    'Idempotency-Key',
    'Names this one wish of this caller for 24 hours: sent again under the same key it is answered as the first was, and not ' +
      'carried out again. 16 to 255 printable ASCII characters, in quotes or without.',
    { pattern: '^(?:"[!#-\\[\\]-~ ]{16,255}"|[!#-\\[\\]-~]{16,255})$' },
  ),
  Range: inHeader('Range', 'Bytes that are wanted, as one range: `bytes=0-99`, `bytes=100-`, `bytes=-100`.'),
  LastEventId: inHeader('Last-Event-ID', 'The `id` of the last event that arrived: the stream goes on after it.'),
} as const satisfies Record<string, Json>;
export type RequestHeader = keyof typeof requestHeaders;

export const answerHeader = (name: AnswerHeader): Json => ({ $ref: `#/components/headers/${name}` });
export const requestHeader = (name: RequestHeader): Json => ({ $ref: `#/components/parameters/${name}` });
