/** Runs that each have so much CPU time, in turns within one process, so that whatever else the machine does slows all of them alike. */

/** A run's CPU time is over. */
export class Over extends Error {}

const cpuSince = (from: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1e6;
};

/** Called by a run after each of its parts. Returns when it may go on, and throws `Over` when its time is over. */
export type Next = () => Promise<void>;

/**
 * That which has used the least CPU time so far goes on.
 * @param seconds of CPU time for each
 */
export async function inTurns(seconds: number, runs: readonly ((next: Next) => Promise<unknown>)[]): Promise<void> {
  const used = runs.map(() => 0);
  const waiting = new Map<number, () => void>();
  let from = process.cpuUsage();
  const turn = (i: number): Promise<void> => new Promise((resolve) => waiting.set(i, resolve));
  const pass = (): void => {
    const next = [...waiting.keys()].sort((a, b) => used[a]! - used[b]! || a - b)[0];
    if (next === undefined) return;
    const wake = waiting.get(next)!;
    waiting.delete(next);
    from = process.cpuUsage();
    wake();
  };
  const all = runs.map(async (run, i) => {
    await turn(i);
    const next: Next = async () => {
      used[i]! += cpuSince(from);
      if (used[i]! > seconds) throw new Over();
      const mine = turn(i);
      pass();
      await mine;
    };
    try {
      await run(next);
    } catch (error) {
      if (!(error instanceof Over)) throw error;
    } finally {
      pass();
    }
  });
  pass();
  await Promise.all(all);
}
