/** Files to blobs, by content: what the project holds already is not sent again. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { ApiError, type DatasetFile } from '@verge/contracts';
import type { Remote } from '../command.js';
import { CliError } from '../errors.js';
import { size } from '../output.js';

export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}`;
}

/** Stores one file and says its digest and size. */
export async function uploadFile(
  { client, params, output }: Remote,
  path: string,
): Promise<{ digest: string; bytes: number }> {
  const digest = await digestOfFile(path);
  const { size: bytes } = await stat(path);
  const there = await client.open('blobs.head', { params: { ...params, digest } }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof ApiError && (error.code === 'NOT_FOUND' || error.status === 404)) return false;
      throw error;
    },
  );
  if (!there) {
    output.progress(`sending ${path} (${size(bytes)})`);
    const raw = Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
    await client.call('blobs.put', { params: { ...params, digest }, raw });
  }
  return { digest, bytes };
}

/** Every file below a folder, or the one file, with paths relative to the folder, sorted. */
export async function listFiles(path: string): Promise<{ folder: string; files: string[] }> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new CliError('missing', `'${path}' does not exist`, [], { cause });
  });
  if (!info.isDirectory()) return { folder: join(path, '..'), files: [path] };
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((e) => e.isFile() && !e.name.startsWith('.')).map((e) => join(e.parentPath, e.name));
  return { folder: path, files: files.sort() };
}

export async function uploadDataset(remote: Remote, path: string): Promise<DatasetFile[]> {
  const { folder, files } = await listFiles(path);
  const uploaded: DatasetFile[] = [];
  for (const file of files) {
    const { digest, bytes } = await uploadFile(remote, file);
    uploaded.push({ path: relative(folder, file).split(sep).join('/'), digest, bytes });
  }
  return uploaded;
}
