/** The form of the description. What the control plane answers is held to it by tests/openapi/watch.ts, in every suite. */
import { STATUS_CODES } from 'node:http';
import { describe, expect, it } from 'vitest';
import { routes, statusesOf, type Route, type RouteName } from '../index.js';
import { openApiDocument } from './index.js';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: Record<string, unknown>;
}
interface Media {
  readonly schema: Record<string, unknown>;
}
interface Operation {
  readonly operationId: RouteName;
  readonly tags: string[];
  readonly summary: string;
  readonly description: string;
  readonly security: Record<string, unknown>[];
  readonly parameters: Parameter[];
  readonly requestBody?: { readonly content: Record<string, Media> };
  readonly responses: Record<
    string,
    { readonly content?: Record<string, Media>; readonly links?: Record<string, object> }
  >;
}
type Components = Record<'schemas' | 'responses' | 'headers' | 'parameters' | 'examples', Record<string, object>>;

const document = openApiDocument('1.2.3');
const components = document['components'] as Components;
const operations = Object.entries(document['paths'] as Record<string, Record<string, Operation>>).flatMap(
  ([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);
const each = operations.map(({ path, method, operation }) => ({
  name: operation.operationId,
  path,
  method,
  operation,
}));

/** Every reference that stands in the value. */
function refsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => (key === '$ref' ? [item as string] : refsIn(item)));
}
const at = (ref: string): unknown =>
  ref
    .replace('#/', '')
    .split('/')
    .reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], document);

describe('the description', () => {
  it('has each operation once, under its own name', () => {
    expect(each.map(({ name }) => name).sort()).toEqual(Object.keys(routes).sort());
  });

  it('refers to what is there, and holds nothing that is not referred to', () => {
    const refs = new Set(refsIn(document));
    expect([...refs].filter((ref) => at(ref) === undefined)).toEqual([]);
    const kinds = ['schemas', 'responses', 'headers', 'parameters', 'examples'] as const;
    const all = kinds.flatMap((kind) => Object.keys(components[kind]).map((name) => `#/components/${kind}/${name}`));
    expect(all.filter((ref) => !refs.has(ref))).toEqual([]);
  });

  it('names every object and enumeration', () => {
    const unnamed = (value: unknown, where: string, root: boolean): string[] => {
      if (typeof value !== 'object' || value === null) return [];
      const own = !root && ('properties' in value || ('enum' in value && (value.enum as unknown[]).length > 1));
      // The members of `properties` are schemas, and may themselves be called properties or enum.
      const inner = Object.entries(value).flatMap(([key, item]) =>
        key === 'properties' || key === 'default'
          ? key === 'default'
            ? []
            : Object.entries(item as object).flatMap(([k, v]) => unnamed(v, `${where}/${k}`, false))
          : unnamed(item, `${where}/${key}`, Array.isArray(value) && root),
      );
      return own ? [where, ...inner] : inner;
    };
    const inSchemas = Object.entries(components.schemas).flatMap(([name, schema]) => unnamed(schema, name, true));
    expect(inSchemas).toEqual([]);
    expect(
      each.flatMap(({ name, operation }) => operation.parameters.flatMap((p) => unnamed(p.schema, name, false))),
    ).toEqual([]);
  });

  it('calls statuses as they are called', () => {
    for (const example of Object.values(components.examples) as { value: { status: number; title: string } }[])
      expect(example.value.title).toBe(STATUS_CODES[example.value.status]);
  });

  it('says the same to the byte, whenever it is written', () => {
    expect(JSON.stringify(openApiDocument('1.2.3'))).toBe(JSON.stringify(document));
  });

  it('is open in its answers, closed in its requests, and closed in both for tests', () => {
    const closed = (openApiDocument('1.2.3', 'closed')['components'] as Components).schemas;
    expect(components.schemas['Device']).not.toHaveProperty('additionalProperties');
    expect(components.schemas['DevicesUpdateRequest']).toHaveProperty('additionalProperties', false);
    expect(closed['Device']).toHaveProperty('additionalProperties', false);
  });
});

describe('each operation', () => {
  it.each(each)('$name says what it does, and lists the statuses of its contract', ({ name, operation }) => {
    const route: Route = routes[name];
    expect(operation.summary.length).toBeGreaterThan(5);
    expect(operation.description).toContain(route.role === 'public' ? 'no credentials' : `role ${route.role}`);
    expect(Object.keys(operation.responses).map(Number)).toEqual(statusesOf(route));
  });

  it.each(each)('$name has named bodies, and path parameters that say their form', ({ path, operation }) => {
    const responses = Object.values(operation.responses).map((r) =>
      '$ref' in r ? (at(r.$ref as string) as typeof r) : r,
    );
    for (const { content } of [operation.requestBody ?? {}, ...responses] as { content?: Record<string, Media> }[]) {
      for (const [type, { schema }] of Object.entries(content ?? {}))
        if (type.endsWith('json')) expect(Object.keys(schema)).toEqual(['$ref']);
    }
    const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
    expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{[^}]+\}/g) ?? []);
    for (const { schema } of inPath) {
      const form = '$ref' in schema ? (at(schema['$ref'] as string) as object) : schema;
      expect('format' in form || 'pattern' in form).toBe(true);
    }
  });

  it.each(each)('$name says what its caller must show', ({ name, operation }) => {
    const { role, credential } = routes[name] as Route;
    const shown = operation.security.flatMap((any) => Object.keys(any));
    const usual = ['session', 'sessionCookie'];
    const expected = {
      public: [],
      session: usual,
      'user-management': ['userManagementToken', ...usual],
      any: ['apiToken', ...usual],
    }[role === 'public' ? 'public' : (credential ?? 'any')];
    expect(shown).toEqual(expected);
  });

  const linking = each.flatMap(({ name, operation }) =>
    Object.values(operation.responses).flatMap(({ links }) =>
      Object.entries(links ?? {}).map(([link, to]) => ({
        name,
        link,
        to: to as { operationId: RouteName; parameters: object },
      })),
    ),
  );
  it.each(linking)('$name links to $link with all of its path parameters', ({ to }) => {
    const { path } = routes[to.operationId];
    expect(Object.keys(to.parameters).sort()).toEqual((path.match(/[^{}]+(?=\})/g) ?? []).sort());
  });
});
