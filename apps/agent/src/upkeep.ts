/** Looks every few seconds at what the agent keeps on disk, and mends what it can. */
import { lstat } from 'node:fs/promises';
import { readIfPresent, writeAtomic } from './atomic-file.js';
import { AgentError, reasonOf } from './errors.js';
import { isWhole, previousOf } from './generations.js';
import type { Running } from './agent.js';
import { readIdentity, saveIdentity, type Identity } from './identity.js';
import { Lock } from './lock.js';
import type { Parts } from './parts.js';

const everyMs = 3000;

export class Upkeep {
  private timer: NodeJS.Timeout | undefined;
  private turn: Promise<void> = Promise.resolve();
  private lock: Lock | null = null;
  private stopped = false;

  constructor(
    private readonly parts: Parts,
    private readonly running: Running,
    private readonly identity: () => Identity | null,
  ) {}

  /** @throws AgentError `ALREADY_RUNNING` */
  async start(lock: Lock | null): Promise<void> {
    this.lock = lock;
    await this.look();
    this.timer = setInterval(() => {
      this.turn = this.turn.then(() => this.look());
    }, everyMs);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.turn;
    await this.lock
      ?.release()
      .catch((error: unknown) => this.parts.log.warn({ err: reasonOf(error) }, 'the lock stays'));
  }

  private async look(): Promise<void> {
    if (this.stopped) return;
    const { health, layout, spool, updater, log } = this.parts;
    const problems = await layout.prepare();
    if (problems.length > 0) health.report('directory', problems.join('; '));
    else health.clear('directory');
    await health.attempt('lock', () => this.keepLock());
    await health.attempt('discovery', () => this.keepDiscovery());
    await health.attempt('socket', () => this.keepSocket());
    await health.attempt('identity', () => this.keepIdentity());
    await health.attempt('spool', () => spool.ready());
    await updater.mend().catch((error: unknown) => log.error({ err: reasonOf(error) }, 'the state was not saved'));
  }

  private async keepLock(): Promise<void> {
    const { layout } = this.parts;
    if (this.lock) return this.lock.keep();
    this.lock = await Lock.take(layout.lock);
  }

  /** How local applications find the API. */
  private async keepDiscovery(): Promise<void> {
    const path = this.parts.layout.running;
    const wanted = `${JSON.stringify(this.running)}\n`;
    const there = await readIfPresent(path).catch(() => null);
    if (there?.toString('utf8') !== wanted) await writeAtomic(path, wanted);
  }

  private async keepSocket(): Promise<void> {
    const { socketPath } = this.running;
    if (await isSocket(socketPath)) return;
    await this.parts.api?.listenUnix(socketPath);
  }

  /** An identity that another enrolment has put there is not touched. */
  private async keepIdentity(): Promise<void> {
    const { layout } = this.parts;
    const identity = this.identity();
    const whole = await isWhole(layout.identity);
    if (identity && whole && (await isWhole(previousOf(layout.identity)))) return;
    if (whole && !identity) {
      throw new AgentError('NOT_ENROLLED', 'there is an identity again; start the agent anew to use it');
    }
    // Without the generation before, what is on disk is copied: another enrolment may have put it there.
    if (identity) return saveIdentity(layout.identity, (await readIdentity(layout.identity)).value ?? identity);
    const { problem } = await readIdentity(layout.identity);
    throw new AgentError('STATE_DAMAGED', `${problem ?? 'there is none'}; what is installed serves, enrol again`);
  }
}

async function isSocket(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isSocket(),
    () => false,
  );
}
