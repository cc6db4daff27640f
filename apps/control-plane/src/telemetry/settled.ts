/**
 * Which records of a spool are settled: counted, or set aside. Kept apart from the rows themselves, so that a record that
 * comes again is known when its row has long been deleted.
 */
export interface Settled {
  /** Every record up to this seq is settled. */
  readonly through: number;
  /** What is settled beyond it: [first, last] of each run, in order, with gaps between them. */
  readonly ahead: readonly Run[];
}

export type Run = readonly [first: number, last: number];

/** A device sends its spool in order, so that runs ahead are few; a list of many is not kept for anybody. */
export const mostRuns = 1000;

/**
 * @param oldest the oldest record that the spool still holds: what never came before it is not waited for
 * @param seqs what came now
 * @returns the seqs that are settled for the first time, and what is settled then
 */
export function settle(before: Settled, oldest: number, seqs: readonly number[]): { fresh: number[]; after: Settled } {
  const fresh = [...new Set(seqs)].filter((seq) => !isSettled(before, seq)).sort((a, b) => a - b);
  const runs: Run[] = [...before.ahead, ...fresh.map((seq): Run => [seq, seq])].sort((a, b) => a[0] - b[0]);
  let through = Math.max(before.through, oldest - 1);
  const ahead: [number, number][] = [];
  for (const [first, last] of runs) {
    const previous = ahead.at(-1);
    if (first <= through + 1) through = Math.max(through, last);
    else if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else ahead.push([first, last]);
  }
  return { fresh, after: { through, ahead } };
}

function isSettled({ through, ahead }: Settled, seq: number): boolean {
  return seq <= through || ahead.some(([first, last]) => seq >= first && seq <= last);
}
