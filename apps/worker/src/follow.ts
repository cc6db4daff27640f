/** Follows the places that a control plane on this machine wrote down: one that is started again may name others. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Places, WorkerConfig } from './config.js';
import { onlyAddressDiffers } from './postgres-address.js';

const READ_EVERY_MS = 2_000;
const MOST_MS = 30_000;

/** `address`: the same queue at another host or port. `elsewhere`: another queue, or other blobs. */
export type Move = 'none' | 'address' | 'elsewhere';

export function moveBetween(before: Places, now: Places): Move {
  if (!isDeepStrictEqual(before.blobs, now.blobs) || before.queue.kind !== now.queue.kind) return 'elsewhere';
  if (before.queue.url === now.queue.url) return 'none';
  return now.queue.kind === 'postgres' && onlyAddressDiffers(before.queue.url, now.queue.url) ? 'address' : 'elsewhere';
}

/**
 * Twice as long after each failure, and never at the same moment for all workers.
 * @param random from 0 to 1
 */
export const waitMs = (failures: number, random: number): number =>
  Math.min(MOST_MS, READ_EVERY_MS * 2 ** failures) * (0.5 + random);

/**
 * @param apply goes to the new places; when it throws, the worker is nowhere, and it is called again later
 * @returns a function that ends it
 */
export function follow(
  first: WorkerConfig,
  apply: (next: WorkerConfig, move: Move) => Promise<void>,
  log: Logger,
): () => Promise<void> {
  const ending = new AbortController();
  let at: Places | undefined = first;
  const step = async (): Promise<void> => {
    const next = await first.readAgain?.();
    const move = next && (at ? moveBetween(at, next) : 'elsewhere');
    if (!next || !move || move === 'none') return;
    at = undefined;
    await apply(next, move);
    at = next;
  };
  const loop = async (): Promise<void> => {
    for (let failures = 0; ;) {
      await sleep(waitMs(failures, Math.random()), undefined, { signal: ending.signal, ref: false });
      await step().then(
        () => (failures = 0),
        (err: unknown) => {
          failures++;
          log.warn({ err }, 'the new place of the queue and the blobs cannot be used yet; it is tried again');
        },
      );
    }
  };
  const ended = loop().catch((error: unknown) => {
    if (!ending.signal.aborted) throw error;
  });
  return async () => {
    ending.abort();
    await ended;
  };
}
