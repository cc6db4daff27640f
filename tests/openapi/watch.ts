/**
 * Every answer that a suite gets from a control plane is held to the OpenAPI description, and fails the suite where it is not
 * as described. Nothing is loaded before the first answer: most suites ask none.
 */
import { afterAll } from 'vitest';
import type { Described } from './described.js';

const MOST_SHOWN = 20;

/** Files that share a process run this file each: what they wrap is what was there before the first of them. */
const kept = globalThis as { vergeBareFetch?: typeof fetch };
const bare = (kept.vergeBareFetch ??= globalThis.fetch);
const checks: Promise<unknown>[] = [];
const found = new Set<string>();
let described: Promise<Described> | undefined;

const isOfControlPlane = (path: string, headers: Headers): boolean =>
  path.startsWith('/api/v1/') && headers.has('x-request-id');

async function check(method: string, path: string, response: Response, copy: Response | null): Promise<void> {
  described ??= import('./described.js').then((module) => new module.Described());
  const { status, headers } = response;
  // A reader that goes away while an answer arrives leaves nothing to check.
  const text = copy ? await copy.text().catch(() => null) : null;
  for (const problem of (await described).problems({ method, path, status, headers, text })) found.add(problem);
}

globalThis.fetch = async (input, init) => {
  const response = await bare(input, init);
  const path = response.url ? new URL(response.url).pathname : '';
  if (!isOfControlPlane(path, response.headers)) return response;
  const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
  const isJson = /^application\/(?:[a-z.-]+\+)?json/.test(response.headers.get('content-type') ?? '');
  // Settled: a check that fails itself fails the suite at its end, not a test that happens to run.
  const settled = check(method.toUpperCase(), path, response, isJson ? response.clone() : null);
  checks.push(settled.catch((error: unknown) => found.add(`could not be checked: ${String(error)}`)));
  return response;
};

afterAll(async () => {
  await Promise.all(checks);
  if (found.size === 0) return;
  const shown = [...found].slice(0, MOST_SHOWN).join('\n');
  throw new Error(`${found.size} kinds of answers are not as the OpenAPI description says:\n${shown}`);
});
