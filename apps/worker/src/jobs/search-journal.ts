/**
 * A search's journal in the blobs: one blob lists what was tried, and is the checkpoint that the job's progress names; the models of the
 * variants are blobs of their own. Those are never deleted from here, since another thing may have the same bytes: what nothing
 * refers to is collected when the job is over.
 */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { JournalEntry, SearchJournal } from '@verge/compression';
import type { JobContext } from '../job-context.js';
import { Checkpoints } from './checkpoints.js';

const SCHEMA = 'verge.search-journal/1';
const [packed, unpacked] = [promisify(gzip), promisify(gunzip)];

interface Line {
  readonly entry: JournalEntry;
  /** Of its model; null where none was made. */
  readonly digest: string | null;
}

export class BlobJournal implements SearchJournal {
  readonly #lines: Line[];
  readonly earlier: readonly JournalEntry[];

  constructor(
    lines: readonly Line[],
    readonly context: JobContext,
    readonly checkpoints: Checkpoints,
  ) {
    this.#lines = [...lines];
    this.earlier = lines.map(({ entry }) => entry);
  }

  /** The model first: an entry of a journal that is named has it. */
  async add(entry: JournalEntry, model: Uint8Array | null): Promise<void> {
    const digest = model && (await this.context.blobs.put(model)).digest;
    this.#lines.push({ entry, digest });
    const text = JSON.stringify({ schema: SCHEMA, lines: this.#lines });
    await this.checkpoints.save(await packed(text), this.#lines.length);
  }

  /** When the job is over: a journal that is not named is of no use. */
  async remove(): Promise<void> {
    await this.checkpoints.remove();
  }

  async model(id: string): Promise<Uint8Array> {
    const digest = this.#lines.find(({ entry }) => entry.id === id)?.digest;
    if (!digest) throw new Error(`the journal has no model of '${id}'`);
    return await this.context.blobs.read(digest);
  }
}

/** Of an earlier attempt where there was one. What it tried and whose model is gone is tried again. */
export async function openSearchJournal(context: JobContext): Promise<BlobJournal> {
  const checkpoints = new Checkpoints(context);
  const bytes = await checkpoints.read();
  const { schema, lines } = bytes
    ? (JSON.parse((await unpacked(bytes)).toString()) as { schema: string; lines: Line[] })
    : { schema: SCHEMA, lines: [] };
  if (schema !== SCHEMA) context.log.warn({ schema }, 'the journal is of another release; starting over');
  const known = schema === SCHEMA ? lines : [];
  const there = await Promise.all(
    known.map(async ({ digest }) => digest === null || (await context.blobs.stat(digest)) !== null),
  );
  const kept = known.filter((_, i) => there[i]);
  if (kept.length < known.length)
    context.log.warn({ gone: known.length - kept.length }, 'models of the journal are gone; they are made again');
  return new BlobJournal(kept, context, checkpoints);
}
