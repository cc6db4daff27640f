/** For tests: the most memory that a process and its descendants held together. Linux. */
import { readdirSync, readFileSync } from 'node:fs';

const PAGE = 4096;
const EVERY_MS = 10;

function descendants(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const children = tasks.flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(descendants)];
}

/** Resident set of one process, file pages that it maps included (proc(5), statm). */
const residentBytes = (pid: number): number =>
  PAGE * Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]);

/**
 * Adds up the resident sets of the process and all its descendants every 10 ms. What two of them map is counted twice.
 * @returns a function that ends it and gives the largest sum in bytes, and how often was looked
 */
export function watchMemory(pid: number): () => { peak: number; looked: number } {
  let peak = 0;
  let looked = 0;
  const look = (): void => {
    try {
      peak = Math.max(
        peak,
        descendants(pid).reduce((sum, one) => sum + residentBytes(one), 0),
      );
      looked++;
    } catch {
      // A process ended while it was looked at.
    }
  };
  const timer = setInterval(look, EVERY_MS);
  return () => {
    clearInterval(timer);
    return { peak, looked };
  };
}
