/** Rows that a file of results holds already are not measured again, so that a long benchmark can be stopped and taken up. */
import type { Row } from './_row.js';

export interface Journal {
  /** The row of that name as an earlier run on this machine measured it. */
  known(work: string): Row | undefined;
  /** Keeps a row, at once. */
  add(row: Row): void;
}

/** Measures what the journal does not know; null where it cannot be measured, which the function has said. */
export async function once(
  journal: Journal,
  work: string,
  measure: () => Promise<Omit<Row, 'work' | 'ok'> | null>,
): Promise<Row[]> {
  const known = journal.known(work);
  if (known) return [known];
  const measured = await measure();
  if (!measured) return [];
  const row = { work, ...measured, ok: measured.ratio >= measured.bar };
  journal.add(row);
  return [row];
}
