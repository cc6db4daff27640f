/** Holds answers of a control plane to its OpenAPI description: status, headers, media type, and every member of the body. */
import Ajv, { type ValidateFunction } from 'ajv';
import { API_PREFIX } from '@verge/contracts';
import { openApiDocument } from '@verge/contracts/openapi';

export interface Answer {
  readonly method: string;
  /** Of the URL, without the query. */
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  /** Null where it was not read: bytes, events. */
  readonly text: string | null;
}

export interface DescribedHeader {
  readonly schema: object;
  readonly required?: boolean;
}
export interface DescribedResponse {
  readonly headers?: Record<string, DescribedHeader>;
  readonly content?: Record<string, { schema: object }>;
}
export interface DescribedOperation {
  readonly operationId: string;
  readonly responses: Record<string, DescribedResponse>;
}
export interface Description {
  readonly paths: Record<string, Record<string, DescribedOperation>>;
  readonly components: Record<string, Record<string, object>>;
}

/** Where a `$ref` within the description leads; anything else as it is. */
export function resolved<T extends object>(description: Description, value: T | { readonly $ref: string }): T {
  if (!('$ref' in value)) return value;
  const parts = value.$ref.replace('#/', '').split('/');
  const found = parts.reduce<unknown>(
    (inner, part) => (inner as Record<string, unknown> | undefined)?.[part],
    description,
  );
  if (found === undefined) throw new Error(`nothing is at ${value.$ref}`);
  return found as T;
}

const typeOf = (headers: Headers): string => (headers.get('content-type') ?? '').split(';')[0]!.trim();
export const isJsonType = (headers: Headers): boolean => /^application\/(?:[a-z.-]+\+)?json$/.test(typeOf(headers));

export class Described {
  // Closed: an answer that holds more than what is described is a fault of the description.
  private readonly description = openApiDocument('test', 'closed') as unknown as Description;
  private readonly patterns = Object.keys(this.description.paths).map((path) => ({
    path,
    parameters: path.split('{').length,
    pattern: new RegExp(`^${API_PREFIX}${path.replaceAll(/\{[^}]+\}/g, '[^/]+')}/?$`),
  }));
  private readonly ajv: Ajv.Ajv;
  private readonly validators = new Map<object, ValidateFunction>();

  constructor() {
    // A keyword or format that is not checked would make a check that cannot fail: unknown ones throw.
    this.ajv = new Ajv({
      allErrors: true,
      strictKeywords: true,
      extendRefs: true,
      unknownFormats: ['int64', 'binary'],
    });
    for (const annotation of ['example', 'x-event-schema']) this.ajv.addKeyword(annotation, {});
    this.ajv.addSchema({ definitions: atDescription(this.description.components['schemas']!) }, 'description');
  }

  /** What of the answer is not as it is described; empty for one that is, and for what is no operation of the API. */
  problems(answer: Answer): string[] {
    const path = this.pathOf(answer.path);
    if (path === undefined || answer.method === 'OPTIONS') return [];
    const methods = this.description.paths[path]!;
    const asked = methods[answer.method.toLowerCase()] ?? (answer.method === 'HEAD' ? methods['get'] : undefined);
    const operation = asked ?? Object.values(methods)[0]!;
    if (!asked && answer.status !== 405)
      return [`${answer.method} ${path} is not described, and is answered ${answer.status}`];
    const problems = this.problemsOf(operation, answer);
    return problems.map((problem) => `${operation.operationId} (${answer.method}) ${answer.status}: ${problem}`);
  }

  private problemsOf(operation: DescribedOperation, answer: Answer): string[] {
    const listed = operation.responses[String(answer.status)];
    if (!listed) return ['the status is not listed'];
    const response = resolved<DescribedResponse>(this.description, listed);
    return [...this.inHeaders(response, answer.headers), ...this.inBody(response, answer)];
  }

  private inHeaders(response: DescribedResponse, sent: Headers): string[] {
    const described = Object.entries(response.headers ?? {});
    const undescribed = ['etag', 'location', 'retry-after', 'allow', 'www-authenticate', 'set-cookie', 'content-range']
      .filter((name) => sent.has(name) && !described.some(([each]) => each.toLowerCase() === name))
      .map((name) => `the header ${name} is not described`);
    const wrong = described.flatMap(([name, reference]) => {
      const { schema, required } = resolved<DescribedHeader>(this.description, reference);
      const value = sent.get(name);
      if (value === null) return required ? [`the header ${name} is missing`] : [];
      return this.faults(schema, /^\d+$/.test(value) ? Number(value) : value, `header ${name} `);
    });
    return [...undescribed, ...wrong];
  }

  private inBody(response: DescribedResponse, { method, headers, text }: Answer): string[] {
    const type = typeOf(headers);
    if (method === 'HEAD') return [];
    const content = response.content?.[type];
    if (!response.content) return text ? [`a body of ${type} is not described`] : [];
    if (!content) return [`the media type ${type || '(none)'} is not described`];
    return text === null || !isJsonType(headers) ? [] : this.faults(content.schema, JSON.parse(text) as unknown, '');
  }

  private faults(schema: object, value: unknown, where: string): string[] {
    const validate = this.validators.get(schema) ?? this.ajv.compile(atDescription(schema));
    this.validators.set(schema, validate);
    if (validate(value)) return [];
    return (validate.errors ?? [])
      .slice(0, 5)
      .map((e) => `${where}${e.dataPath} ${e.message} ${JSON.stringify(e.params)}`);
  }

  /** A path by its own name goes before one with a parameter. */
  private pathOf(path: string): string | undefined {
    const matching = this.patterns.filter(({ pattern }) => pattern.test(path));
    return matching.sort((a, b) => a.parameters - b.parameters)[0]?.path;
  }
}

/** The same with its references as the validator knows them. */
const atDescription = (schema: object): object =>
  JSON.parse(
    JSON.stringify(schema).replaceAll('"$ref":"#/components/schemas/', '"$ref":"description#/definitions/'),
  ) as object;
