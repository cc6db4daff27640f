/**
 * Files to blobs, by content: what the project holds already is not sent again, so an upload that was interrupted goes on where it
 * was when it is begun again. A large file goes in parts, each of which is kept where it arrived.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import { ApiError, type BlobRef, type DatasetFile, datasetText } from '@verge/contracts';
import type { Remote } from '../command.js';
import { CliError } from '../errors.js';
import { size } from '../output.js';
import { patiently } from './retry.js';

const MiB = 1024 * 1024;
const PART_BYTES = 32 * MiB;
/** Small files spend their time waiting for answers; large ones fill the line by themselves. */
const AT_ONCE = 8;
const ASKED_AT_ONCE = 5000;

interface LocalFile extends BlobRef {
  /** Where it lies here. */
  readonly local: string;
  /** Its name within the data set. */
  readonly path: string;
}

export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}`;
}

/** Every file below a folder, or the one file, with its path relative to the folder, sorted. */
export async function listFiles(path: string): Promise<{ local: string; path: string }[]> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new CliError('missing', `'${path}' does not exist`, [], { cause });
  });
  const folder = info.isDirectory() ? path : join(path, '..');
  const entries = info.isDirectory() ? await readdir(path, { recursive: true, withFileTypes: true }) : [];
  const files = info.isDirectory()
    ? entries.filter((e) => e.isFile() && !e.name.startsWith('.')).map((e) => join(e.parentPath, e.name))
    : [path];
  return files.sort().map((local) => ({ local, path: relative(folder, local).split(sep).join('/') }));
}

/** Stores one file and says its digest and size. */
export async function uploadFile(remote: Remote, local: string): Promise<BlobRef> {
  const file = await described({ local, path: local });
  await sendMissing(remote, [file]);
  return { digest: file.digest, bytes: file.bytes };
}

/** Stores the files and their list. @returns the list's digest, which is the data set's */
export async function uploadFiles(remote: Remote, files: readonly { local: string; path: string }[]): Promise<string> {
  const all: LocalFile[] = [];
  let bytes = 0;
  for (const file of files) {
    const found = await described(file);
    bytes += found.bytes;
    all.push(found);
    if (all.length % 1000 === 0) remote.output.progress(`read ${all.length} of ${files.length} files, ${size(bytes)}`);
  }
  await sendMissing(remote, all);
  const list: DatasetFile[] = all.map(({ path, digest, bytes: length }) => ({ path, digest, bytes: length }));
  const text = Buffer.from(datasetText(list));
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  await patiently(remote.output, () =>
    remote.client.call('blobs.put', { params: { ...remote.params, digest }, raw: text }),
  );
  return digest;
}

async function described(file: { local: string; path: string }): Promise<LocalFile> {
  const { size: bytes } = await stat(file.local);
  return { ...file, digest: await digestOfFile(file.local), bytes };
}

async function missingOf(remote: Remote, digests: readonly string[]): Promise<Set<string>> {
  const missing = new Set<string>();
  for (let at = 0; at < digests.length; at += ASKED_AT_ONCE) {
    const body = { digests: digests.slice(at, at + ASKED_AT_ONCE) };
    const answer = await patiently(remote.output, () =>
      remote.client.call('blobs.missing', { params: remote.params, body }),
    );
    for (const digest of answer.missing) missing.add(digest);
  }
  return missing;
}

async function sendMissing(remote: Remote, files: readonly LocalFile[]): Promise<void> {
  const byDigest = new Map(files.map((file) => [file.digest, file]));
  const missing = await missingOf(remote, [...byDigest.keys()]);
  const waiting = [...byDigest.values()].filter((file) => missing.has(file.digest));
  if (waiting.length === 0) return;
  const total = waiting.reduce((sum, file) => sum + file.bytes, 0);
  const held = byDigest.size - waiting.length;
  remote.output.progress(
    `sending ${waiting.length} files, ${size(total)}${held > 0 ? `; ${held} are there already` : ''}`,
  );
  const sent = { files: 0, bytes: 0, said: 0 };
  const add = (bytes: number): void => {
    sent.bytes += bytes;
    const percent = Math.floor((sent.bytes / Math.max(1, total)) * 100);
    if (percent < sent.said + 5) return;
    sent.said = percent;
    remote.output.progress(`sent ${percent} %: ${sent.files} of ${waiting.length} files, ${size(sent.bytes)}`);
  };
  const queue = waiting.values();
  const lane = async (): Promise<void> => {
    for (const file of queue) {
      if (file.bytes > PART_BYTES) await sendInParts(remote, file, add);
      else await sendWhole(remote, file, add);
      sent.files++;
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, waiting.length) }, lane));
}

const bytesOf = (path: string, from: number, length: number): ReadableStream<Uint8Array> =>
  Readable.toWeb(
    createReadStream(path, { start: from, end: from + length - 1, highWaterMark: MiB }),
  ) as ReadableStream<Uint8Array>;

async function sendWhole({ client, params, output }: Remote, file: LocalFile, add: (bytes: number) => void) {
  const { digest, bytes, local } = file;
  await patiently(output, () =>
    client.call('blobs.put', {
      params: { ...params, digest },
      // A stream of no bytes cannot say where it ends.
      raw: bytes === 0 ? new Uint8Array() : bytesOf(local, 0, bytes),
    }),
  );
  add(bytes);
}

/** From where the last attempt, of this run or of an earlier one, came to. */
async function sendInParts({ client, params, output }: Remote, file: LocalFile, add: (bytes: number) => void) {
  const { digest, bytes, local } = file;
  const place = { ...params, digest };
  const ask = (): Promise<{ received: number; stored: boolean }> => client.call('blobs.part.get', { params: place });
  let { received, stored } = await patiently(output, ask);
  if (received > 0 && !stored) output.progress(`going on with ${file.path} from ${size(received)}`);
  add(Math.min(received, bytes));
  while (!stored) {
    const before = received;
    const answer = await patiently(output, async () => {
      const length = Math.min(PART_BYTES, bytes - received);
      const query = { offset: received, last: received + length >= bytes ? ('true' as const) : ('false' as const) };
      const raw = length === 0 ? new Uint8Array() : bytesOf(local, received, length);
      try {
        return await client.call('blobs.part.put', { params: place, query, raw });
      } catch (error) {
        // What arrived of a part that broke off is kept there: ask how much that was.
        if (!(error instanceof ApiError) || error.status === 422) throw error;
        received = (await patiently(output, ask)).received;
        throw error;
      }
    });
    ({ received, stored } = answer);
    add(Math.max(0, received - before));
  }
}
