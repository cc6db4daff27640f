/**
 * Every string that any operation takes, in path, query and body, filled with what must not reach the database or a
 * terminal. The inputs are made from the contract, so that a route that is added is asked too.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, routes, routeUrl, visibleText, type Route } from '@verge/contracts';
import { administrator, Plane } from '../../test/plane.js';
import { ProblemError } from './problem-error.js';
import { validateInput } from './validate.js';
import { examplesOf, fieldsOf, withField, withKey } from '../../test/examples.js';

const hostile: Record<string, string> = {
  'U+0000': 'a\0b',
  'a lone surrogate': 'a\ud800b',
  'an escape sequence': '\u001b]0;owned\u0007',
  'a bidi override': '\u202egnp.exe',
  'a C1 control': 'a\u009bb',
  'a line separator': 'a\u2028b',
};
const full = Boolean(process.env['VERGE_TEST_FULL']);
/** The others take the same way: text.test.ts has every one. */
const someHostile = Object.entries(hostile).slice(0, 3);
const someStrange: Record<string, unknown> = {
  'a megabyte': 'x'.repeat(1_000_000),
  'the year 9999': '9999-12-31T23:59:59.999999999Z',
  'a version beyond int4': 'digits@99999999999',
  'a number beyond int8': 1e19,
};
const strange: Record<string, unknown> = {
  ...someStrange,
  'the year 0': '0000-01-01T00:00:00Z',
  'the year 1': '0001-01-01T00:00:00Z',
  'a year of five digits': '+010000-01-01T00:00:00.000Z',
  'a day that no calendar has': '2026-02-30T00:00:00Z',
  'ten digits after the second': '2026-01-01T00:00:00.0123456789Z',
  'a UUID that nobody has': '0193d0f0-0000-7000-8000-00000000dead',
  nothing: '',
  'a negative number': -1,
  'the largest double': 1.7976931348623157e308,
  'a wrong type': { deep: [] },
  null: null,
};

let plane: Plane;
let token: string;
beforeAll(async () => {
  plane = await Plane.start();
  const api = await plane.member('plant');
  // Something is in the project, so that it is not deleted by the way.
  await api.call('groups.create', { params: { project: 'plant' }, body: { name: 'stays' } });
  token = (await createClient({ baseUrl: plane.url }).call('auth.login', { body: administrator })).token;
});
afterAll(() => plane.close());

interface Sent {
  params: Record<string, string>;
  query: Record<string, unknown>;
  body: unknown;
}

async function send(route: Route, { params, query, body }: Sent): Promise<{ status: number; text: string }> {
  // Events end when the reader has seen that they began.
  const stop = new AbortController();
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  const init: RequestInit = { method: route.method, headers, signal: stop.signal };
  if (route.body) {
    headers['content-type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  const ask = (): Promise<Response> => fetch(plane.url + routeUrl(route, params, query), init);
  // A connection that the server ends just as it is used again: asked once more.
  const response = await ask().catch(ask);
  const text = route.stream && response.ok ? '' : await response.text();
  stop.abort();
  return { status: response.status, text };
}

const parametersOf = (route: Route): string[] => [...route.path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name!);
const known: Record<string, string> = { project: 'plant', digest: `sha256:${'0'.repeat(64)}` };
const anId = '0193d0f0-0000-7000-8000-000000000001';

function exampleOf(route: Route): Sent {
  const params = Object.fromEntries(parametersOf(route).map((name) => [name, known[name] ?? anId]));
  return { params, query: {}, body: route.body ? examplesOf(route.body)[0] : undefined };
}

/** A URL has no form for a lone surrogate, and Node takes no header of a megabyte. */
const fitsUrl = (value: string): boolean => value.length < 1000 && !/\p{Cs}/u.test(value);

/** The request with one field replaced, for every field that the operation takes. */
function* variants(route: Route, value: unknown): Generator<[field: string, sent: Sent]> {
  const whole = exampleOf(route);
  if (typeof value === 'string' && value !== '' && fitsUrl(value)) {
    for (const name of parametersOf(route).filter((each) => each !== 'project'))
      yield [`{${name}}`, { ...whole, params: { ...whole.params, [name]: value } }];
  }
  if (typeof value !== 'object' && (typeof value !== 'string' || fitsUrl(value))) {
    for (const name of Object.keys(route.query?.shape ?? {}))
      yield [`?${name}`, { ...whole, query: { [name]: String(value) } }];
  }
  for (const [field, { body, path }] of bodyFields(route)) {
    yield [field, { ...whole, body: withField(body, path, value) }];
    if (typeof value === 'string' && typeof path.at(-1) === 'string')
      yield [`${field} as a key`, { ...whole, body: withKey(body, path, value) }];
  }
}

interface BodyField {
  readonly body: unknown;
  readonly path: readonly (string | number)[];
}

/** Every field of a route's body, each in the first example that has it. */
function bodyFields(route: Route): Map<string, BodyField> {
  const known = fieldsByRoute.get(route) ?? new Map<string, BodyField>();
  if (known.size > 0 || !route.body) return known;
  for (const body of examplesOf(route.body)) {
    for (const path of fieldsOf(body)) {
      const field = `/${path.join('/')}`;
      if (!known.has(field)) known.set(field, { body, path });
    }
  }
  fieldsByRoute.set(route, known);
  return known;
}
const fieldsByRoute = new Map<Route, Map<string, BodyField>>();

/** Most fields of a long body go into one column of JSON: so many of them, spread over all; every one in the full tests. */
const FIELDS = 24;
function spread<T>(all: readonly T[]): T[] {
  if (full || all.length <= FIELDS) return [...all];
  return Array.from({ length: FIELDS }, (_, i) => all[Math.round((i * (all.length - 1)) / (FIELDS - 1))]!);
}

/** Whether the contract takes it: then it goes on to services and database. */
function accepted(route: Route, sent: Sent): boolean {
  try {
    validateInput(route, sent);
    return true;
  } catch (error) {
    if (error instanceof ProblemError && error.status === 422) return false;
    throw error;
  }
}

// Login and logout would end or throttle what the test stands on; their bodies are tried in a test of their own.
const all = Object.entries<Route>(routes)
  .filter(([name]) => !name.startsWith('auth.log'))
  .map(([name, route]) => ({ name, route }));

describe('every field of every route', () => {
  it.each(all)('$name refuses text that is none', ({ route }) => {
    for (const [i, [what, value]] of (full ? Object.entries(hostile) : someHostile).entries()) {
      const fields = [...variants(route, value)];
      // Every field with the first.
      for (const [field, sent] of i === 0 ? fields : spread(fields))
        expect(accepted(route, sent), `${what} in ${field}`).toBe(false);
    }
  });

  it.each(all)('$name names what it refuses, in text that is safe to show', async ({ route }) => {
    const first = [...variants(route, hostile['an escape sequence'])].at(-1);
    if (!first) return;
    const { status, text } = await send(route, first[1]);
    expect(status, text).toBe(422);
    if (route.method !== 'HEAD') expect(text).toContain('U+001B at position 1');
    expect(visibleText(text)).toBe(text);
  });

  it.each(all)('$name does not fail at strange values', async ({ route }) => {
    for (const [what, value] of Object.entries(full ? strange : someStrange)) {
      const taken = [...variants(route, value)].filter(([, sent]) => accepted(route, sent));
      for (const [field, sent] of spread(taken)) {
        const { status, text } = await send(route, sent);
        expect(status, `${what} in ${field}: ${text.slice(0, 500)}`).toBeLessThan(500);
      }
    }
  });

  it.each(all.filter(({ route }) => route.body))('$name refuses nesting without end', async ({ route }) => {
    const deep = `{"name": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const response = await fetch(plane.url + routeUrl(route, exampleOf(route).params), {
      method: route.method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: deep,
    });
    expect(response.status).toBe(422);
  });
});

describe('a login', () => {
  it.each(Object.entries(hostile))('with %s is refused as any other', async (_, value) => {
    for (const body of [
      { email: value, password: 'x' },
      { email: 'a@example.org', password: value },
    ]) {
      const response = await fetch(`${plane.url}/api/v1/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      expect([401, 422, 429]).toContain(response.status);
    }
  });
});

it.each(all.filter(({ route }) => route.body))('the examples of $name are what its contract takes', ({ route }) => {
  // Some contracts take one field or another, not both.
  const takes = (example: unknown): boolean => route.body!.safeParse(example).success;
  const without = (example: unknown): unknown[] =>
    Object.keys(example as object).map((left) =>
      Object.fromEntries(Object.entries(example as object).filter(([key]) => key !== left)),
    );
  expect(examplesOf(route.body!).some((example) => takes(example) || without(example).some(takes))).toBe(true);
});
