/** Says through the queue that this worker is there, and what it has in hand. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { WORKER_BEAT_MS, type WorkerBeat, type WorkerRun } from '@verge/contracts';
import type { Hardware } from '@verge/runtime';
import type { Logger } from 'pino';
import { version } from './version.js';

/** The last word is waited for no longer than this: a queue that is away hears nothing anyway. */
const LAST_WORD_MS = 1_000;

/** A job in hand. */
export interface InHand {
  readonly job: string;
  readonly kind: WorkerRun['kind'];
  /** Of `performance.now()`. */
  readonly began: number;
}

export interface Presence {
  /** Called when something was begun or ended. */
  changed(): void;
  /** Says that the worker leaves. */
  leave(): Promise<void>;
}

/**
 * @param tell hands a beat to the queue; it may wait for a queue that is away, and rejects when there is none
 * @param inHand what the worker has in hand at this moment
 */
export function startPresence(
  name: string,
  hardware: Hardware,
  tell: (beat: WorkerBeat) => Promise<unknown>,
  inHand: () => Iterable<InHand>,
  log: Logger,
): Presence {
  const same = {
    id: randomUUID(),
    name,
    version,
    engineVersion: hardware.ortVersion,
    host: hostname(),
    platform: `${hardware.platform}-${hardware.arch}`,
    cores: hardware.cores,
    memoryBytes: hardware.memoryBytes,
  };
  const beat = (leaving: boolean): WorkerBeat => ({
    ...same,
    uptimeSeconds: process.uptime(),
    running: [...inHand()].map(({ job, kind, began }) => ({ job, kind, seconds: (performance.now() - began) / 1000 })),
    leaving,
  });
  // One beat at a time: while the queue is away they must not pile up.
  let telling: Promise<void> | undefined;
  let again = false;
  const speak = (): void => {
    // What is put back after the last word must not sound like a return.
    if (!timer) return;
    if (telling) {
      again = true;
      return;
    }
    again = false;
    telling = tell(beat(false))
      .then(
        () => undefined,
        (err: unknown) => log.debug({ err }, 'the queue did not take the beat'),
      )
      .finally(() => {
        telling = undefined;
        if (again) speak();
      });
  };
  let timer: NodeJS.Timeout | undefined = setInterval(speak, WORKER_BEAT_MS);
  timer.unref();
  speak();
  return {
    changed: speak,
    leave: async () => {
      clearInterval(timer);
      timer = undefined;
      const last = tell(beat(true)).catch((err: unknown) => log.debug({ err }, 'the queue did not take the last beat'));
      await Promise.race([last, sleep(LAST_WORD_MS, undefined, { ref: false })]);
    },
  };
}
