/**
 * How often a login may fail before it is refused unheard: a pure decision over the failures that are remembered.
 * Ten failures for an address, or fifty from one network address, within a quarter of an hour.
 */
export interface AttemptLimits {
  readonly windowMs: number;
  readonly perAccount: number;
  readonly perSource: number;
}
export const attemptLimits: AttemptLimits = { windowMs: 15 * 60_000, perAccount: 10, perSource: 50 };

/** Keys beyond which the oldest are forgotten, so that a flood of made-up addresses cannot fill the memory. */
const MAX_KEYS = 20_000;

export class FailedAttempts {
  private readonly failures = new Map<string, number[]>();
  constructor(private readonly limits: AttemptLimits = attemptLimits) {}

  /** Seconds until the next attempt is heard; 0 when it may be made now. */
  waitSeconds(account: string, source: string, now: number): number {
    const waits = [
      this.waitOf(`account ${account}`, this.limits.perAccount, now),
      this.waitOf(`source ${source}`, this.limits.perSource, now),
    ];
    return Math.ceil(Math.max(...waits) / 1000);
  }

  fail(account: string, source: string, now: number): void {
    for (const key of [`account ${account}`, `source ${source}`]) {
      const recent = this.recent(key, now);
      this.failures.delete(key);
      this.failures.set(key, [...recent, now]);
    }
    while (this.failures.size > MAX_KEYS) this.failures.delete(this.failures.keys().next().value!);
  }

  succeed(account: string): void {
    this.failures.delete(`account ${account}`);
  }

  private recent(key: string, now: number): number[] {
    return (this.failures.get(key) ?? []).filter((at) => at > now - this.limits.windowMs);
  }

  private waitOf(key: string, limit: number, now: number): number {
    const recent = this.recent(key, now);
    return recent.length < limit ? 0 : recent[recent.length - limit]! + this.limits.windowMs - now;
  }
}
