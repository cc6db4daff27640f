/**
 * What was refused, in the audit. Whoever is refused can try again as often as they like, so that what is written has a bound: the
 * first refusal of a kind at once, those that follow within a minute as one entry with their number, and so many kinds a minute
 * and no more, the rest as a number. What was counted and not yet written is lost when the process is killed.
 */
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../core-tokens.js';
import { AuditService, systemActor, type Actor, type AuditRecord } from './audit.service.js';
import { RefusalWindow } from './refusal-window.js';

const WINDOW_MS = 60_000;

export interface Refusal {
  /** Who it was, or for `proven` false who they said to be. */
  readonly actor: Actor;
  readonly proven: boolean;
  readonly projectId: string | null;
  /** Name of the operation that was asked for, as the API lists them, or of the device's call. */
  readonly operation: string;
  readonly reason: string;
  /** Network address. */
  readonly source: string;
}

@Injectable()
export class Refusals implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly window = new RefusalWindow<Refusal>();
  private readonly writing = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.flush(), WINDOW_MS);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    this.flush();
    await Promise.all(this.writing);
  }

  /** Returns at once: a refusal does not wait for the audit. */
  record(refusal: Refusal): void {
    const from = refusal.proven ? 'proven' : 'unproven';
    if (this.window.count(from, JSON.stringify(refusal), refusal)) this.write(entryOf(refusal, {}));
  }

  private flush(): void {
    const { repeated, uncounted } = this.window.close();
    for (const { of, count } of repeated) this.write(entryOf(of, { count, withinSeconds: WINDOW_MS / 1000 }));
    if (uncounted > 0) {
      const detail = { count: uncounted, reason: 'more kinds of refusals in a minute than are written one by one' };
      this.write({ actor: systemActor, projectId: null, action: 'refusal.summarise', outcome: 'refused', detail });
    }
  }

  private write(entry: AuditRecord): void {
    const done: Promise<void> = this.audit
      .record(entry)
      .catch((err: unknown) => this.log.warn({ err, entry }, 'a refusal could not be written to the audit'))
      .finally(() => this.writing.delete(done));
    this.writing.add(done);
  }
}

function entryOf(refusal: Refusal, more: { count?: number; withinSeconds?: number }): AuditRecord {
  const { actor, projectId, operation, reason, source } = refusal;
  return {
    actor,
    projectId,
    action: actionOf(operation),
    outcome: 'refused',
    detail: { operation, reason, source, ...more },
  };
}

/** The audit names nouns in the singular: rollouts.create is rollout.create there, and a login makes a session. */
function actionOf(operation: string): string {
  if (operation === 'auth.login') return 'session.create';
  const [noun = '', verb = 'call'] = operation.split('.');
  return `${noun.replace(/s$/, '')}.${verb}`;
}
