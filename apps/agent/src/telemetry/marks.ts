/** What the spool remembers beside its records: who it is, and how far they went. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { loadDocument, saveDocument } from '../generations.js';

const Marks = z.object({
  version: z.literal(1),
  spoolId: z.uuid(),
  /** Everything up to here is stored by the control plane, or was given up. */
  acknowledged: z.int().min(0),
  /** The highest number that may have been sent: never given to another record. */
  sent: z.int().min(0),
  /** Records up to `acknowledged` that were given up or damaged, and so never delivered. */
  dropped: z.int().min(0),
});
export type Marks = z.infer<typeof Marks>;

const pathIn = (dir: string): string => join(dir, 'marks.json');

/** Null when no generation can be read. */
export async function loadMarks(dir: string): Promise<Marks | null> {
  return (await loadDocument(pathIn(dir), (content) => Marks.parse(content))).value;
}

/**
 * Without marks the segments still say which spool they belong to, so that what was delivered is not counted again.
 * @param spoolId what the newest segment says; null without segments
 */
export function firstMarks(spoolId: string | null): Marks {
  return { version: 1, spoolId: spoolId ?? randomUUID(), acknowledged: 0, sent: 0, dropped: 0 };
}

export function saveMarks(dir: string, marks: Marks): Promise<void> {
  return saveDocument(pathIn(dir), marks);
}
