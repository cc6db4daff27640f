/** The OpenAPI 3.1 document, written from the same routes that the server validates by. */
import { API_PREFIX, FieldError, Problem, problemCodes, routes, type Route } from '@verge/contracts';
import { z } from 'zod';

type Json = Record<string, unknown>;

const problemResponse = (description: string): Json => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

/** `io: 'input'` is what a caller may send, defaults left out; 'output' what the server answers. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, target: 'draft-2020-12', unrepresentable: 'any' });
  return json;
}

function parametersOf(route: Route): Json[] {
  const inPath = [...route.path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
    ...(name === 'project' ? { description: 'slug or id' } : {}),
  }));
  if (!route.query) return inPath;
  const query = schemaOf(route.query, 'input');
  const required = new Set((query['required'] as string[] | undefined) ?? []);
  const inQuery = Object.entries(query['properties'] as Record<string, Json>).map(([name, schema]) => {
    const { description, ...rest } = schema;
    return { name, in: 'query', required: required.has(name), schema: rest, ...(description ? { description } : {}) };
  });
  return [...inPath, ...inQuery];
}

function bodyOf(route: Route): Json | undefined {
  if (route.rawBody) {
    return {
      required: true,
      content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
    };
  }
  if (!route.body) return undefined;
  return { required: true, content: { 'application/json': { schema: schemaOf(route.body, 'input') } } };
}

function successOf(route: Route): Json {
  const status = String(route.status ?? 200);
  if (route.stream === 'events') {
    const schema = route.event ? schemaOf(route.event, 'output') : {};
    const description = 'Server-sent events; the data of each is JSON of this schema.';
    return { [status]: { description, content: { 'text/event-stream': { schema } } } };
  }
  if (route.stream === 'bytes') {
    const content = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };
    return {
      [status]: { description: 'The bytes.', content },
      '206': { description: 'The range asked for.', content },
    };
  }
  if (!route.response) return { [status]: { description: 'Done.' } };
  const content = { 'application/json': { schema: schemaOf(route.response, 'output') } };
  return { [status]: { description: route.summary, content } };
}

function operationOf(name: string, route: Route): Json {
  const guarded: Json =
    route.role === 'public'
      ? {}
      : { '401': problemResponse('No valid credentials.'), '403': problemResponse(`Needs the role ${route.role}.`) };
  const requestBody = bodyOf(route);
  return {
    operationId: name,
    tags: [route.tag],
    summary: route.summary,
    description: route.role === 'public' ? 'Needs no credentials.' : `Needs the role ${route.role}.`,
    security: route.role === 'public' ? [] : [{ bearer: [] }, { session: [] }],
    parameters: parametersOf(route),
    ...(requestBody ? { requestBody } : {}),
    responses: {
      ...successOf(route),
      ...guarded,
      ...(route.path.includes('{') ? { '404': problemResponse('There is no such thing in this project.') } : {}),
      '422': problemResponse('Every bad field is listed in `errors`.'),
    },
  };
}

export function openApiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries<Route>(routes)) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operationOf(name, route);
  }
  const tags = [...new Set(Object.values<Route>(routes).map((r) => r.tag))].map((name) => ({ name }));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Verge',
      version,
      description: `Errors are problem details (RFC 9457) with a \`code\`: ${problemCodes.join(', ')}.`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: API_PREFIX }],
    tags,
    paths,
    components: {
      schemas: { Problem: schemaOf(Problem, 'output'), FieldError: schemaOf(FieldError, 'output') },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API token, or the token of a login.' },
        session: { type: 'apiKey', in: 'cookie', name: 'verge_session' },
      },
    },
  };
}
