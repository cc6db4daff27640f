/** The console's files, served from the folder that its build writes; any other page of it is its index (SPA fallback). */
import { readFile, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { extname, join, normalize, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesTag, knownTag } from '../http/entity-tag.js';
import type { HttpRequest } from '../http/request.js';

/** apps/console/dist: the same distance from src/site and dist/site. */
const builtConsole = fileURLToPath(new URL('../../../console/dist', import.meta.url));

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.map': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
};

const served = (path: string): boolean => !/^\/(api|healthz|readyz|metrics)(\/|$)/.test(path);

/** The file of a path, null for one that is not there or not below the folder. */
async function fileOf(folder: string, path: string): Promise<string | null> {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return null;
  }
  const file = join(folder, normalize(decoded));
  if (decoded.includes('\0') || !file.startsWith(folder + sep)) return null;
  const found = await stat(file).catch(() => null);
  return found?.isFile() ? file : null;
}

export function consoleFiles(override: string | undefined) {
  const folder = resolve(override ?? builtConsole);
  return async (request: HttpRequest, response: ServerResponse, next: () => void): Promise<void> => {
    const { path, method } = request;
    if ((method !== 'GET' && method !== 'HEAD') || !served(path)) return next();
    // A path with a known extension names a file; names in other paths may hold dots, and those are pages.
    const found = (await fileOf(folder, path)) ?? (extname(path) in types ? null : await fileOf(folder, '/index.html'));
    if (!found) return next();
    // Read whole: the largest is a few hundred kilobytes, and a browser asks for each but once.
    const bytes = await readFile(found);
    // By content: a size and a time may be the same after a deployment whose files differ.
    const tag = bytesTag(bytes);
    const known = knownTag(request.headers['if-none-match'] ?? '', tag);
    response.setHeader('etag', known ?? tag);
    // The name of what is below assets changes with its content. All else may be another file after the next deployment.
    const hashed = path.startsWith('/assets/');
    response.setHeader('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    if (known !== undefined) return void response.writeHead(304).end();
    response.setHeader('content-type', types[extname(found)] ?? 'application/octet-stream');
    response.setHeader('content-length', bytes.length);
    response.end(method === 'HEAD' ? undefined : bytes);
  };
}
