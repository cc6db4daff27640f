/** What runs beside the requests: started once, never fatal, always told. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;

/**
 * Milliseconds to wait after that many failures in a row, from 1: doubled each time up to ten seconds, and then half of it
 * by chance, so that those who lost the same server do not come back in one moment.
 * @param random in [0, 1)
 */
export function retryDelayMs(failures: number, random: number): number {
  const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 20));
  return Math.round(longest / 2 + (random * longest) / 2);
}

export interface RepeatedTaskOptions {
  /** For the log: "… failed". */
  readonly name: string;
  readonly everyMs: number;
  readonly task: () => Promise<void>;
  readonly log: Logger;
}

/** Does one thing again and again, one run at a time. After a failure it comes back sooner or later, by `retryDelayMs`. */
export class RepeatedTask {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(private readonly options: RepeatedTaskOptions) {}

  /** The first run comes after one interval. */
  start(): void {
    this.running ??= this.repeat();
  }

  /** True from the moment on at which it is to stop: long work looks at it between its parts. */
  get ending(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Resolves when the run that is under way has ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async repeat(): Promise<void> {
    const { name, everyMs, task, log } = this.options;
    const { signal } = this.stopping;
    let failures = 0;
    while (await pause(failures > 0 ? retryDelayMs(failures, Math.random()) : everyMs, signal)) {
      try {
        await task();
        if (failures > 0) log.info({ failures }, `${name} works again`);
        failures = 0;
      } catch (err) {
        failures++;
        if (!signal.aborted) log.warn({ err, failures }, `${name} failed; it is tried again`);
      }
    }
  }
}

/** @returns false when the signal ended the pause */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return await sleep(ms, true, { signal }).catch(() => false);
}
