/**
 * The OpenAPI 3.1 description of the REST API, written from the routes that the server validates by and the client calls
 * through. docs/decisions/0013-openapi-and-preconditions.md says what it promises.
 */
import { Problem } from '../problem.js';
import { API_PREFIX } from '../rest/client.js';
import type { Route } from '../rest/route.js';
import { routes } from '../rest/routes.js';
import type { Answers } from './adapt.js';
import { Components } from './components.js';
import { answerHeaders, requestHeaders } from './headers.js';
import type { Json } from './json.js';
import { operationOf } from './operation.js';
import { problemExamples, Refusals } from './refusals.js';
import { securitySchemes } from './security.js';
import { tagsOf } from './tags.js';

export type { Answers } from './adapt.js';
export type { Json } from './json.js';
export { SESSION_COOKIE } from './security.js';

const description = `Verge takes a model from data to a fleet of devices and back.

Every refusal is problem details (RFC 9457) with a \`code\`, and with the bad fields in \`errors\`. Lists answer pages: \`nextCursor\`
goes into \`cursor\` of the next request, \`total\` is how many there are. Readers must let pass what they do not know: members may be
added to answers. Requests may hold nothing but what is described.`;

/** @param answers 'open' as it is published; 'closed' to hold answers to it, member by member */
export function openApiDocument(version: string, answers: Answers = 'open'): Json {
  const components = new Components(answers);
  const refusals = new Refusals(components.use(Problem, 'output', 'Problem'));
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries<Route>(routes)) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operationOf(name, route, components, refusals);
  }
  const { document, schemas } = components.finish({ paths, responses: refusals.responses });
  return {
    openapi: '3.1.0',
    info: {
      title: 'Verge',
      version,
      summary: 'The REST API of the control plane.',
      description,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      contact: { name: 'Verge' },
    },
    servers: [{ url: API_PREFIX, description: 'This control plane.' }],
    tags: tagsOf(Object.values<Route>(routes).map(({ tag }) => tag)),
    paths: document.paths,
    components: {
      schemas,
      responses: document.responses,
      securitySchemes,
      headers: answerHeaders,
      parameters: requestHeaders,
      examples: problemExamples,
    },
  };
}
