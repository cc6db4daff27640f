import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../core-tokens.js';
import { sourceNetwork } from '../http/client-address.js';
import { ProblemError } from '../http/problem-error.js';
import { HashSlots, Slots } from './hash-slots.js';
import { LoginThrottle, type AttemptOf } from './login-throttle.js';

const SWEEP_MS = 5 * 60_000;
const SLOW_FAILURE_MS = 1_000;
const SLOW_WAITING = 8;
/** Of the line for hashing, as much as one source may take. */
const PER_SOURCE = 20;

/** Looks at a password, within the limits of `LoginThrottle` and `HashSlots`. Every place that asks for one asks here. */
@Injectable()
export class PasswordCheck implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly slowLane = new Slots(1, SLOW_WAITING);
  private readonly underWay = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(LoginThrottle) private readonly throttle: LoginThrottle,
    @Inject(HashSlots) private readonly slots: HashSlots,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.throttle.sweep().catch((err: unknown) => this.log.warn({ err }, 'old failed logins could not be forgotten'));
    }, SWEEP_MS);
    this.timer.unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /**
   * @param account e-mail address, in lower case
   * @param address network address of the caller
   * @param verify hashes the password and compares
   * @throws ProblemError RATE_LIMITED, UNAVAILABLE: the password was not looked at
   */
  async isRight(account: string, address: string, verify: () => Promise<boolean>): Promise<boolean> {
    const attempt = { account, source: sourceNetwork(address) };
    return await this.ofOneSource(attempt.source, async () => {
      const slow = await this.throttle.isSlow(attempt);
      const wait = await this.throttle.accountWait(attempt, slow);
      if (wait > 0) throw limited(wait);
      if (!slow) return await this.attempt(attempt, false, verify);
      return await this.slowLane.run(async () => {
        const right = await this.attempt(attempt, true, verify);
        if (!right) await delay(SLOW_FAILURE_MS);
        return right;
      });
    });
  }

  private async attempt(attempt: AttemptOf, slow: boolean, verify: () => Promise<boolean>): Promise<boolean> {
    return await this.slots.run(async () => {
      const wait = await this.throttle.reserve(attempt, slow);
      if (wait > 0) throw limited(wait);
      let right: boolean;
      try {
        right = await verify();
      } catch (error) {
        await this.throttle.cancelled(attempt);
        throw error;
      }
      await (right ? this.throttle.succeeded(attempt) : this.throttle.failed(attempt));
      return right;
    });
  }

  private async ofOneSource<T>(source: string, work: () => Promise<T>): Promise<T> {
    const before = this.underWay.get(source) ?? 0;
    if (before >= PER_SOURCE) throw limited(1);
    this.underWay.set(source, before + 1);
    try {
      return await work();
    } finally {
      const left = this.underWay.get(source)! - 1;
      if (left === 0) this.underWay.delete(source);
      else this.underWay.set(source, left);
    }
  }
}

const limited = (seconds: number): ProblemError =>
  new ProblemError('RATE_LIMITED', `too many failed logins; try again in ${seconds} s`, [], {
    retryAfterSeconds: seconds,
  });
