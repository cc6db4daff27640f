/** What does not work just now. The agent serves whatever is wrong with the rest; this says what, until it is mended. */
import { reasonOf } from './errors.js';
import type { Log } from './log/logger.js';

/** The parts of the agent that may fail while it serves. */
export type Part =
  'directory' | 'identity' | 'lock' | 'state' | 'slots' | 'spool' | 'journal' | 'socket' | 'discovery' | 'log';

export interface Problem {
  part: Part;
  message: string;
  sinceMs: number;
}

const mendedKept = 20;

export class Health {
  private readonly problems = new Map<Part, Problem>();
  /** The newest problems that are over. */
  readonly mended: (Problem & { untilMs: number })[] = [];

  constructor(
    private readonly log: Log,
    private readonly onChange: () => void = () => undefined,
  ) {}

  /** Logged when it is new: a disk that stays full must not fill the log as well. */
  report(part: Part, error: unknown): void {
    const message = reasonOf(error);
    const before = this.problems.get(part);
    if (before?.message === message) return;
    this.problems.set(part, { part, message, sinceMs: before?.sinceMs ?? Date.now() });
    this.log.error({ part, err: message }, 'degraded: the agent serves on');
    this.onChange();
  }

  clear(part: Part): void {
    const problem = this.problems.get(part);
    if (!problem) return;
    this.problems.delete(part);
    this.mended.push({ ...problem, untilMs: Date.now() });
    this.mended.splice(0, this.mended.length - mendedKept);
    this.log.info({ part }, 'mended');
    this.onChange();
  }

  /** Runs what may fail, and keeps what came of it. @returns whether it worked */
  async attempt(part: Part, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
    } catch (error) {
      this.report(part, error);
      return false;
    }
    this.clear(part);
    return true;
  }

  get list(): Problem[] {
    return [...this.problems.values()];
  }

  /** For the facts that a device reports, which hold 512 characters each; null when all is well. */
  get fact(): string | null {
    if (this.problems.size === 0) return null;
    return this.list
      .map(({ part, message }) => `${part}: ${message}`)
      .join('; ')
      .replaceAll('\0', ' ')
      .slice(0, 512);
  }
}
