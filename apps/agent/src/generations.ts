/**
 * Small documents that the agent cannot do without, kept in two generations: FILE and FILE.previous. Each carries the
 * sha256 of its content, so that a flipped bit is noticed, and the one before is used when the newest cannot be.
 */
import { createHash } from 'node:crypto';
import { copyFile, link, rename, rm } from 'node:fs/promises';
import { readIfPresent, setAside, writeAtomic } from './atomic-file.js';
import { AgentError, reasonOf, systemCode } from './errors.js';

export interface Generation<T> {
  /** Null when no generation can be read. */
  value: T | null;
  /** Why the newest generation is not the value; null when it is, or when there never was one. */
  problem: string | null;
}

export const previousOf = (path: string): string => `${path}.previous`;

function checksumOf(content: object): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

/** @throws what the parser throws, or AgentError `STATE_DAMAGED` when the checksum is another */
function decode<T>(bytes: Buffer, parse: (content: unknown) => T): T {
  const content: unknown = JSON.parse(bytes.toString('utf8'));
  if (typeof content !== 'object' || content === null || !('checksum' in content)) return parse(content);
  const { checksum, ...rest } = content;
  if (checksum !== checksumOf(rest)) throw new AgentError('STATE_DAMAGED', 'its checksum is wrong');
  return parse(rest);
}

/** @param parse throws for content that is no such document; its message must tell no secret */
export async function loadDocument<T>(path: string, parse: (content: unknown) => T): Promise<Generation<T>> {
  const problems: string[] = [];
  let there = false;
  for (const [generation, file] of [path, previousOf(path)].entries()) {
    try {
      const bytes = await readIfPresent(file);
      there ||= bytes !== null;
      if (bytes === null) problems.push(`${file} is missing`);
      else return { value: decode(bytes, parse), problem: generation === 0 ? null : problems.join('; ') };
    } catch (error) {
      there = true;
      // A parser of JSON quotes the file, which may hold a key.
      problems.push(
        `${file} cannot be read (${error instanceof SyntaxError ? 'not JSON' : reasonOf(error).slice(0, 300)})`,
      );
    }
  }
  return { value: null, problem: there ? problems.join('; ') : null };
}

/** Whether the newest generation is there and whole. */
export async function isWhole(path: string): Promise<boolean> {
  const bytes = await readIfPresent(path).catch(() => null);
  if (bytes === null) return false;
  try {
    decode(bytes, (content) => content);
    return true;
  } catch {
    return false;
  }
}

/** Replaces the document; what it was becomes the generation before, unless it is damaged. */
export async function saveDocument(path: string, value: object, mode = 0o600): Promise<void> {
  const content = { ...value, checksum: checksumOf(value) };
  await writeAtomic(path, `${JSON.stringify(content, null, 2)}\n`, mode, () => keepPrevious(path));
}

async function keepPrevious(path: string): Promise<void> {
  if (!(await isWhole(path))) return;
  const temporary = `${previousOf(path)}.tmp`;
  await rm(temporary, { recursive: true, force: true });
  try {
    await link(path, temporary);
  } catch (error) {
    if (systemCode(error) === 'ENOSPC') throw error;
    // A file system without links.
    await copyFile(path, temporary);
  }
  await rename(temporary, previousOf(path)).catch(async (error: unknown) => {
    await setAside(previousOf(path), error);
    await rename(temporary, previousOf(path));
  });
}
