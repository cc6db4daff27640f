/** A search's journal in its folder: a line for each variant, and a file for each model that was made. */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JournalEntry, SearchJournal } from '@verge/compression';
import { CliError } from '../errors.js';
import { writeWhole } from './files.js';

const SCHEMA = 'verge.search-journal/1';
export const JOURNAL = 'journal.jsonl';
export const VARIANTS = 'variants';

interface Header {
  readonly schema: string;
  readonly key: string;
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** Lines that were written whole: a kill may leave the half of one. */
function lines(text: string): unknown[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}

export class SearchFolder implements SearchJournal {
  constructor(
    readonly folder: string,
    readonly earlier: readonly JournalEntry[],
  ) {}

  path(id: string): string {
    return join(this.folder, VARIANTS, `${digest(id)}.onnx`);
  }

  async #append(line: unknown): Promise<void> {
    const file = await open(join(this.folder, JOURNAL), 'a');
    try {
      await file.writeFile(JSON.stringify(line) + '\n');
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** The model first: an entry whose line is there has it. */
  async add(entry: JournalEntry, model: Uint8Array | null): Promise<void> {
    if (model) await writeWhole(this.path(entry.id), model);
    await this.#append(entry);
  }

  async model(id: string): Promise<Uint8Array> {
    return readFile(this.path(id));
  }
}

/**
 * Opens the journal of a search, of an earlier run where there is one.
 * @param key what the search depends on: model, data, target, budget, seed
 * @throws CliError `usage` where the folder holds another search
 */
export async function openSearch(folder: string, key: string, force: boolean): Promise<SearchFolder> {
  const path = join(folder, JOURNAL);
  if (force) for (const name of [JOURNAL, VARIANTS]) await rm(join(folder, name), { recursive: true, force: true });
  const text = await readFile(path, 'utf8').catch(() => '');
  const [header, ...entries] = lines(text) as [Header | undefined, ...JournalEntry[]];
  if (header && (header.schema !== SCHEMA || header.key !== key))
    throw new CliError('usage', `--out: '${folder}' holds a search for another model, data, budget, target or seed`, [
      'start over with --force, or name another folder',
    ]);
  await mkdir(join(folder, VARIANTS), { recursive: true });
  // Written anew, so that no half of a line stands before the next.
  await writeWhole(path, [{ schema: SCHEMA, key }, ...entries].map((line) => JSON.stringify(line) + '\n').join(''));
  return new SearchFolder(folder, entries);
}
