/** The program of `packApart`: FILE OUT [BASE]. Says what became of it to its parent, and ends with it. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { PackAnswer, PackedFile } from './apart.js';
import { PackError } from './errors.js';
import { pack } from './pack.js';
import { unpackPieces } from './unpack.js';

async function work(file: string, out: string, basePath: string | undefined): Promise<PackedFile> {
  const bytes = await readFile(file);
  const base = basePath === undefined ? undefined : await readFile(basePath);
  const packed = await pack(bytes, { base });
  let at = 0;
  for await (const piece of unpackPieces(packed, { base })) {
    if (Buffer.compare(piece, bytes.subarray(at, (at += piece.length))) !== 0)
      throw new Error(`other bytes before ${at}`);
  }
  if (at !== bytes.length) throw new Error(`${at} bytes come out, of ${bytes.length}`);
  await writeFile(out, packed);
  return { bytes: packed.length, sha256: createHash('sha256').update(packed).digest('hex') };
}

process.once('disconnect', () => process.exit(1));
const [, , file, out, base] = process.argv;
const answer = await work(file!, out!, base).then(
  (done): PackAnswer => ({ done }),
  (error: unknown): PackAnswer =>
    error instanceof PackError
      ? { code: error.code, message: error.message }
      : { code: 'failed', message: `failed: ${error instanceof Error ? error.message : String(error)}` },
);
process.send?.(answer, () => process.exit(0));
