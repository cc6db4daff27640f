/**
 * How many passwords are hashed at once. A hash takes 32 MB and about a tenth of a second of a core on purpose; without a bound, a
 * few hundred logins at once would take the process's memory and its thread pool from everybody.
 */
import { Injectable } from '@nestjs/common';
import { ProblemError } from '../http/problem-error.js';

const AT_ONCE = 2;
const WAITING = 30;
const RETRY_AFTER_SECONDS = 3;

/** A number of places, and a line of limited length before them. */
export class Slots {
  private free: number;
  private readonly line: (() => void)[] = [];

  constructor(
    atOnce: number,
    private readonly waiting: number,
  ) {
    this.free = atOnce;
  }

  /** @throws ProblemError UNAVAILABLE with Retry-After when the line is full */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else {
      if (this.line.length >= this.waiting) throw tooMany();
      await new Promise<void>((resolve) => this.line.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.line.shift();
      if (next) next();
      else this.free++;
    }
  }
}

@Injectable()
export class HashSlots extends Slots {
  constructor() {
    super(AT_ONCE, WAITING);
  }
}

const tooMany = (): ProblemError =>
  new ProblemError('UNAVAILABLE', `too many passwords are being checked; try again in ${RETRY_AFTER_SECONDS} s`, [], {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
