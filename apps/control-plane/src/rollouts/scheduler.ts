/**
 * The shell around `decideRollout`: loads what there is to see, decides, and carries the decision out in one transaction.
 * Everything it knows is in the database, so that it can be stopped anywhere and go on anywhere else.
 */
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { AuditService, systemActor } from '../audit/audit.service.js';
import { RepeatedTask } from '../background.js';
import { LOGGER } from '../core.js';
import type { Db } from '../database/database.service.js';
import { DatabaseService } from '../database/database.service.js';
import { announcements, changeDesired, DESIRED_TOPIC } from '../devices/desired-state.js';
import { EventBus } from '../events/event-bus.js';
import { decideRollout } from './decide.js';
import type { DeviceFigures } from './figures.js';
import { RolloutFigures } from './figures.js';
import type { RolloutCommand, RolloutEffect } from './snapshot.js';
import type { LoadedRollout } from './store.js';
import { loadRollout, lockRollout, rolloutsOvertaken, saveRollout } from './store.js';
import { ROLLOUT_TOPIC, rolloutChangedTopic } from './topics.js';

const tickMs = 1000;
const pauseMs = 100;

interface Outcome {
  readonly projectId: string;
  /** Whose desired state has changed. */
  readonly desired: readonly string[];
  /** Other rollouts that have to let go of some of these devices. */
  readonly overtaken: readonly string[];
  readonly devices: readonly string[];
  readonly changed: boolean;
}

@Injectable()
export class RolloutScheduler implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly figures: RolloutFigures;
  /** What was last announced about the traffic of each rollout. */
  private readonly traffic = new Map<string, string>();
  private readonly running = new Map<string, Promise<void>>();
  private readonly again = new Set<string>();
  private ticking: RepeatedTask | undefined;
  private unsubscribe: (() => void) | undefined;
  private stopped = false;

  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    this.figures = new RolloutFigures(database.pool);
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = this.bus.subscribe(ROLLOUT_TOPIC, (rolloutId) => this.wake(rolloutId as string));
    const task = (): Promise<void> => this.tick();
    const { log } = this;
    this.ticking = new RepeatedTask({ name: 'looking at the open rollouts', everyMs: tickMs, task, log });
    this.ticking.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    this.unsubscribe?.();
    await this.ticking?.stop();
    await Promise.all(this.running.values());
  }

  /**
   * Decides on a rollout now, together with what a person asks.
   * @throws LifecycleError when its state does not allow the command
   */
  async decide(
    rolloutId: string,
    command?: RolloutCommand,
    within?: (db: Db, rollout: LoadedRollout) => Promise<void>,
  ): Promise<void> {
    const figures = await this.figures.load(rolloutId);
    const outcome = await this.database.$transaction(
      async (db) => {
        const now = await lockRollout(db, rolloutId);
        if (now === null) return null;
        const loaded = await loadRollout(db, rolloutId, figures);
        await within?.(db, loaded);
        return this.carryOut(db, loaded, now, command);
      },
      { maxWait: 30_000, timeout: 60_000 },
    );
    if (outcome !== null) this.announce(rolloutId, outcome, figures);
  }

  private async carryOut(db: Db, loaded: LoadedRollout, now: number, command?: RolloutCommand): Promise<Outcome> {
    const { snapshot, observed, projectId } = loaded;
    const observation = command === undefined ? { devices: observed } : { devices: observed, command };
    const { next, effects } = decideRollout(snapshot, observation, now);
    // Devices before their part in the rollout, the order in which a report takes its locks too.
    const desired = await this.applyDesires(db, loaded, effects);
    const devices = await saveRollout(db, snapshot, next);
    const history = effects.flatMap((e) => (e.kind === 'history' ? [e] : []));
    if (history.length > 0) {
      const detail = { rolloutId: next.id, rollout: loaded.name };
      await db.deviceEvent.createMany({
        data: history.map(({ deviceId, event, message }) => ({ deviceId, kind: event, message, detail })),
      });
    }
    for (const effect of effects) if (effect.kind === 'audit') await this.recordAudit(db, loaded, effect);
    const overtaken = await rolloutsOvertaken(db, snapshot.id, desired);
    const changed = devices.length > 0 || next.state !== snapshot.state || next.reason !== snapshot.reason;
    return { projectId, desired, overtaken, devices, changed: changed || command !== undefined };
  }

  private async applyDesires(db: Db, loaded: LoadedRollout, effects: readonly RolloutEffect[]): Promise<string[]> {
    const desires = effects.flatMap((e) => (e.kind === 'desire' ? [e] : []));
    if (desires.length === 0) return [];
    const digests = [...new Set(desires.flatMap((d) => d.digest ?? []))];
    const { projectId, snapshot } = loaded;
    const artifacts = await db.artifact.findMany({
      where: { projectId, manifestDigest: { in: digests } },
      select: { id: true, manifestDigest: true },
    });
    const ids = new Map(artifacts.map((artifact) => [artifact.manifestDigest, artifact.id]));
    // The last word about a device counts. A device whose former artifact is none of ours keeps what runs.
    const last = new Map(
      desires.map(({ deviceId, digest }) => [
        deviceId,
        { deviceId, artifactId: digest === null ? null : (ids.get(digest) ?? null), nothing: digest === null },
      ]),
    );
    return changeDesired(db, snapshot.id, [...last.values()]);
  }

  private async recordAudit(
    db: Db,
    { projectId, name, snapshot }: LoadedRollout,
    effect: Extract<RolloutEffect, { kind: 'audit' }>,
  ): Promise<void> {
    const subject = { kind: 'rollout', id: snapshot.id, name };
    const { action, reason } = effect;
    await this.audit.record({ actor: systemActor, projectId, action, subject, detail: { reason } }, db);
  }

  private announce(rolloutId: string, outcome: Outcome, figures: ReadonlyMap<string, DeviceFigures>): void {
    for (const ids of announcements(outcome.desired)) this.bus.publish(DESIRED_TOPIC, ids);
    for (const id of outcome.overtaken) this.bus.publish(ROLLOUT_TOPIC, id);
    const traffic = JSON.stringify([...figures]);
    const served = this.traffic.get(rolloutId) !== traffic;
    this.traffic.set(rolloutId, traffic);
    if (!outcome.changed && !served) return;
    for (const id of outcome.devices) this.bus.changed(outcome.projectId, 'device', id);
    this.bus.changed(outcome.projectId, 'rollout', rolloutId);
    const parts = announcements(served ? [...new Set([...outcome.devices, ...figures.keys()])] : outcome.devices);
    for (const ids of parts.length > 0 ? parts : [[]]) this.bus.publish(rolloutChangedTopic(rolloutId), ids);
  }

  /** One decision about a rollout at a time in this process; what happens meanwhile is looked at afterwards. */
  private wake(rolloutId: string): void {
    if (this.stopped) return;
    if (this.running.has(rolloutId)) {
      this.again.add(rolloutId);
      return;
    }
    const work = this.decide(rolloutId)
      .catch((err: unknown) => {
        if (!this.stopped) this.log.error({ err, rolloutId }, 'a rollout could not be decided on');
      })
      .finally(() => {
        this.running.delete(rolloutId);
        // A fleet that reports all at once is looked at a few times a second, not once a report.
        if (this.again.delete(rolloutId)) setTimeout(() => this.wake(rolloutId), pauseMs).unref();
      });
    this.running.set(rolloutId, work);
  }

  private async tick(): Promise<void> {
    const open = await this.database.rollout.findMany({
      where: { state: { in: ['running', 'paused', 'reverting'] } },
      select: { id: true },
    });
    const ids = new Set(open.map(({ id }) => id));
    for (const id of this.traffic.keys()) if (!ids.has(id)) this.traffic.delete(id);
    for (const id of ids) this.wake(id);
    await Promise.all([...ids].map((id) => this.running.get(id)));
  }
}
