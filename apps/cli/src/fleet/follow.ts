/** Follows a piece of queued work to its end, with its progress on stderr. */
import type { JobProgress } from '@verge/contracts';
import { CliError } from '../errors.js';
import { percent, type Output } from '../output.js';

interface Work {
  id: string;
  state: string;
  error: string | null;
  progress: JobProgress | null;
}

const POLL_MS = 400;

export function describeProgress(work: Work): string {
  const p = work.progress;
  if (work.state === 'queued' || !p) return work.state;
  const point = p.point
    ? `  epoch ${p.point.epoch}/${p.point.epochs} loss ${p.point.trainLoss.toFixed(4)} val ${percent(p.point.valAccuracy)}`
    : '';
  const tried = p.search ? `  ${p.search.tried} tried, ${p.search.front.length} on the front` : '';
  return `${work.state} ${(p.fraction * 100).toFixed(0)} % ${p.stage}${point}${tried} ${p.message}`.trimEnd();
}

/**
 * @param read gets the newest state
 * @returns the work once it has succeeded
 * @throws CliError `failed` when it failed or was cancelled
 */
export async function follow<W extends Work>(
  noun: string,
  first: W,
  read: (id: string) => Promise<W>,
  output: Output,
): Promise<W> {
  let work = first;
  while (work.state === 'queued' || work.state === 'running' || work.state === 'cancelling') {
    output.progress(`${noun} ${work.id}: ${describeProgress(work)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    work = await read(work.id);
  }
  if (work.state !== 'succeeded')
    throw new CliError('failed', `${noun} ${work.id} ${work.state}${work.error ? `: ${work.error}` : ''}`);
  return work;
}
