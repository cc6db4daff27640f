import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routes, type Route } from '@verge/contracts';
import { Plane } from '../../test/plane.js';

let plane: Plane;
let consoleDir: string;
beforeAll(async () => {
  consoleDir = await mkdtemp(join(tmpdir(), 'verge-console-'));
  await mkdir(join(consoleDir, 'assets'));
  await writeFile(join(consoleDir, 'index.html'), '<!doctype html><title>console</title>');
  await writeFile(join(consoleDir, 'assets', 'app-1a2b.js'), 'export {}');
  await writeFile(join(consoleDir, '..', 'verge-outside.txt'), 'outside');
  plane = await Plane.start({ VERGE_CONSOLE_DIR: consoleDir });
});
afterAll(async () => {
  await plane.close();
  await rm(consoleDir, { recursive: true, force: true });
  await rm(join(consoleDir, '..', 'verge-outside.txt'), { force: true });
});

const get = (path: string): Promise<Response> => fetch(plane.url + path);
interface Operation {
  operationId: string;
  parameters: { name: string; in: string }[];
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

describe('the API document', () => {
  it('has every operation, with its path parameters', async () => {
    const document = (await (await get('/api/v1/openapi.json')).json()) as Document;
    expect(document.openapi).toBe('3.1.0');
    const written = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => `${operation.operationId} ${method.toUpperCase()} ${path}`),
    );
    const meant = Object.entries<Route>(routes).map(([name, route]) => `${name} ${route.method} ${route.path}`);
    expect(written.sort()).toEqual(meant.sort());
    const device = document.paths['/projects/{project}/devices/{device}']!['get']!;
    expect(device.parameters.filter((p) => p.in === 'path').map((p) => p.name)).toEqual(['project', 'device']);
  });

  it('can be browsed with nothing from another host', async () => {
    const page = await (await get('/api/v1/docs')).text();
    const parts = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, url]) => url!);
    expect(parts).toHaveLength(3);
    for (const part of parts) {
      expect(part.startsWith('/api/v1/docs/')).toBe(true);
      expect((await get(part)).status).toBe(200);
    }
    expect((await get('/api/v1/docs/package.json')).status).toBe(404);
  });

  it.each(['training-config.json', 'recipe.json'])('publishes the JSON Schema %s', async (name) => {
    const schema = (await (await get(`/api/v1/schemas/${name}`)).json()) as { type: string; properties: object };
    expect(schema.type).toBe('object');
    expect(Object.keys(schema.properties).length).toBeGreaterThan(2);
  });
});

describe('the console', () => {
  it('is served with its pages falling back to the index, and nothing from outside its folder', async () => {
    const page = await get('/projects/plant/devices');
    expect(await page.text()).toContain('<title>console</title>');
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await get('/assets/app-1a2b.js')).headers.get('cache-control')).toContain('immutable');
    expect((await get('/assets/gone.js')).status).toBe(404);
    for (const path of ['/..%2fverge-outside.txt', '/assets/%2e%2e/%2e%2e/verge-outside.txt', '/%00.txt']) {
      const answer = await get(path);
      expect(await answer.text()).not.toBe('outside');
      expect(answer.status).toBe(404);
    }
    expect((await get('/api/v1/nothing')).headers.get('content-type')).toBe('application/problem+json');
  });
});

describe('what browsers keep', () => {
  it('of the console: files whose names change with their content for ever, the rest while it is the same', async () => {
    const asset = await get('/assets/app-1a2b.js');
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const page = await get('/');
    const etag = page.headers.get('etag')!;
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const asked = { headers: { 'if-none-match': etag } };
    const again = await fetch(`${plane.url}/p/plant/devices`, asked);
    expect([again.status, again.headers.get('etag'), await again.text()]).toEqual([304, etag, '']);
    await writeFile(join(consoleDir, 'index.html'), '<!doctype html><title>consola</title>');
    const next = await fetch(plane.url, asked);
    expect([next.status, await next.text()]).toEqual([200, '<!doctype html><title>consola</title>']);
    expect((await get('/assets/gone.js')).headers.get('cache-control')).toBe('no-store');
  });
});

describe('health', () => {
  it('answers, and counts', async () => {
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    const metrics = await (await get('/metrics')).text();
    expect(metrics).toMatch(/^verge_queue_jobs\{state="waiting"\} 0$/m);
    expect(metrics.match(/# TYPE verge_queue_jobs /g)).toHaveLength(1);
  });
});
