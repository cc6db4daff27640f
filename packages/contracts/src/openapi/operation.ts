/** One operation of the description. */
import type { z } from 'zod';
import { successesOf } from '../rest/answers.js';
import { parameterNames, pathParameter } from '../rest/parameters.js';
import { madeBy, pathOfState, stateRouteOf } from '../rest/related.js';
import { takesIdempotencyKey, type Route } from '../rest/route.js';
import type { Components } from './components.js';
import { answerHeader, requestHeader, type AnswerHeader, type RequestHeader } from './headers.js';
import { pascal, type Json } from './json.js';
import { linksOf } from './links.js';
import type { Refusals } from './refusals.js';
import { securityOf, whoMay } from './security.js';

/** As the media type has it: JSON Schema does not describe bytes. */
const bytes: Json = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };

/** A merge patch has the form of JSON, under its own type or under that of JSON (RFC 7396). */
export const mergePatch = 'application/merge-patch+json';

export function operationOf(name: string, route: Route, components: Components, refusals: Refusals): Json {
  const requestBody = bodyOf(name, route, components);
  return {
    operationId: name,
    tags: [route.tag],
    summary: route.summary.replace(/\.$/, ''),
    description: `${route.summary} ${whoMay(route)}`,
    security: securityOf(route),
    'x-required-role': route.role,
    ...(route.credential ? { 'x-required-credential': route.credential } : {}),
    parameters: parametersOf(name, route, components),
    ...(requestBody ? { requestBody } : {}),
    responses: sorted({
      ...successResponses(name, route, components),
      ...refusals.of(route),
    }),
  };
}

const sorted = (responses: Record<string, Json>): Json =>
  Object.fromEntries(Object.entries(responses).sort(([a], [b]) => Number(a) - Number(b)));

function parametersOf(name: string, route: Route, components: Components): Json[] {
  const inPath = parameterNames(route).map((parameter) => {
    const { description, ...schema } = components.use(pathParameter(parameter), 'input', pascal(`${parameter}-name`));
    return {
      name: parameter,
      in: 'path',
      required: true,
      description: description ?? `id of the ${parameter}`,
      schema,
    };
  });
  return [...inPath, ...queryOf(name, route, components), ...headersOf(route).map(requestHeader)];
}

function queryOf(name: string, route: Route, components: Components): Json[] {
  if (!route.query) return [];
  const { schemas, required } = components.members(route.query, 'input', pascal(name));
  return Object.entries(schemas).map(([parameter, { description, ...schema }]) => ({
    name: parameter,
    in: 'query',
    required: required.has(parameter),
    ...(description ? { description } : {}),
    schema,
  }));
}

function headersOf(route: Route): RequestHeader[] {
  const found: RequestHeader[] = [];
  if (route.method !== 'GET' && route.method !== 'HEAD' && stateRouteOf(route)) found.push('IfMatch');
  if (route.method === 'GET' && route.response) found.push('IfNoneMatch');
  if (takesIdempotencyKey(route)) found.push('IdempotencyKey');
  if (route.stream === 'bytes') found.push('Range');
  if (route.stream === 'events') found.push('LastEventId');
  return found;
}

function bodyOf(name: string, route: Route, components: Components): Json | undefined {
  if (route.rawBody) return { required: true, content: bytes };
  if (!route.body) return undefined;
  const schema = components.use(route.body, 'input', `${pascal(name)}Request`);
  const types = route.method === 'PATCH' ? ['application/json', mergePatch] : ['application/json'];
  return { required: true, content: Object.fromEntries(types.map((type) => [type, { schema }])) };
}

function successResponses(name: string, route: Route, components: Components): Record<string, Json> {
  const responses = successesOf(route).map((status) => {
    const names: AnswerHeader[] = ['X-Request-Id', ...successHeaders(route, status)];
    const headers = Object.fromEntries(names.map((header) => [header, answerHeader(header)]));
    return [String(status), { ...successOf(name, route, status, components), headers }];
  });
  return Object.fromEntries(responses) as Record<string, Json>;
}

function successHeaders(route: Route, status: number): AnswerHeader[] {
  const found: AnswerHeader[] = [];
  if (pathOfState(route) !== undefined || route.stream === 'bytes' || route.method === 'HEAD') found.push('ETag');
  if (status === 201 && madeBy(route)) found.push('Location');
  if (takesIdempotencyKey(route)) found.push('Idempotency-Replayed');
  if (route.stream === 'bytes') found.push('Accept-Ranges');
  if (status === 206) found.push('Content-Range');
  if (route.setsCookie) found.push('Set-Cookie');
  return found;
}

function successOf(name: string, route: Route, status: number, components: Components): Json {
  if (status === 304) return { description: 'The caller has this answer: its tag is among those of If-None-Match.' };
  if (route.stream === 'bytes')
    return { description: status === 206 ? 'The range that was asked for.' : 'The bytes.', content: bytes };
  if (route.stream === 'events') {
    const schema = route.event ? components.use(route.event, 'output', `${pascal(name)}Event`) : {};
    const description =
      'Server-sent events (WHATWG HTML, section 9.2); the data of each is JSON of this schema. The stream ends when the right ' +
      'to it does, or when events were missed: read the state and connect again.';
    // The body is a stream of events, not one value of the schema; `itemSchema` is how OpenAPI 3.2 will say so.
    return { description, content: { 'text/event-stream': { schema: { type: 'string' }, 'x-event-schema': schema } } };
  }
  if (!route.response) return { description: route.method === 'HEAD' ? 'It is there.' : 'Done.' };
  const schema = components.use(route.response, 'output', `${pascal(name)}Response`);
  return {
    description: route.summary,
    content: { 'application/json': { schema } },
    ...linksOf(route, printed(route.response)),
  };
}

/** Whether an answer has an `id` is read off its members. */
const printed = (schema: z.ZodType): Json | undefined =>
  'shape' in schema ? { properties: schema.shape as Json } : undefined;
