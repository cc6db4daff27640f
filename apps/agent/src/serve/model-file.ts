/** A model's file, and those beside it that hold its tensors, as one content with one digest. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { decodeModel, externalLocations, OnnxError, staysInside } from '@verge/onnx';
import { readHead } from '@verge/runtime';
import { AgentError, reasonOf, systemCode } from '../errors.js';

export interface ModelFile {
  path: string;
  /** Of the file, and where tensors lie beside it of those files too, in the order of their names. */
  digest: string;
  bytes: number;
  /** The path, as long as the content is what it was. @throws AgentError `DIGEST_MISMATCH`, `FILE_MISSING` */
  read: () => Promise<string>;
}

const whys: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
};

/** @throws AgentError `FILE_MISSING` that says what was to be read and why it was not */
export function unreadable(what: string, path: string, cause: unknown): never {
  const why = whys[systemCode(cause) ?? ''] ?? reasonOf(cause);
  throw new AgentError('FILE_MISSING', `cannot read ${what} '${path}': ${why}`, { cause });
}

async function sizeOf(what: string, path: string): Promise<number> {
  const found = await stat(path).catch((cause: unknown) => unreadable(what, path, cause));
  if (!found.isFile()) throw new AgentError('FILE_MISSING', `cannot read ${what} '${path}': it is no file`);
  return found.size;
}

/** ONNX IR, "External Data": locations are relative to the model's folder and may not leave it. */
function filesBeside(path: string): string[] {
  let locations: string[];
  try {
    locations = externalLocations(decodeModel(readHead(path)));
  } catch (cause) {
    if (!(cause instanceof OnnxError)) unreadable('the model', path, cause);
    throw new AgentError('MODEL_REFUSED', `'${path}' cannot be read as an ONNX model: ${reasonOf(cause)}`, { cause });
  }
  const outside = locations.filter((location) => !staysInside(location));
  if (outside.length > 0)
    throw new AgentError('MODEL_REFUSED', `'${path}' names data outside its folder: ${outside.join(', ')}`);
  const others = new Set(locations.map((location) => resolve(dirname(path), location)));
  others.delete(path);
  return [...others].sort();
}

async function digestOfFiles(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const [i, path] of paths.entries()) {
    const what = i === 0 ? 'the model' : "the model's data";
    const bytes = createReadStream(path, { highWaterMark: 1 << 20 });
    await pipeline(bytes, async (parts: AsyncIterable<Buffer>) => {
      for await (const part of parts) hash.update(part);
    }).catch((cause: unknown) => unreadable(what, path, cause));
  }
  return `sha256:${hash.digest('hex')}`;
}

/** @throws AgentError `FILE_MISSING`, `MODEL_REFUSED` for what is no ONNX model */
export async function openModelFile(given: string): Promise<ModelFile> {
  const path = resolve(given);
  let bytes = await sizeOf('the model', path);
  const paths = [path, ...filesBeside(path)];
  for (const beside of paths.slice(1)) bytes += await sizeOf("the model's data", beside);
  const digest = await digestOfFiles(paths);
  let justRead = true;
  const read = async (): Promise<string> => {
    if (!justRead && (await digestOfFiles(paths)) !== digest) {
      throw new AgentError('DIGEST_MISMATCH', `'${path}' has changed since it was read; start anew to serve it`);
    }
    justRead = false;
    return path;
  };
  return { path, digest, bytes, read };
}

/** How people and URLs name a model that nobody named: its file without `.onnx`. */
export const nameOf = (path: string): string => basename(path).replace(/\.onnx$/i, '') || 'model';
