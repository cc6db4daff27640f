/**
 * The running agent: who tells whom, and in which order the parts start and stop. Inference comes first: whatever is wrong
 * with the directory, what is installed is served, and the rest is mended or said to be degraded.
 */
import { rm } from 'node:fs/promises';
import { Api } from './api/server.js';
import { Renewer } from './device/renewer.js';
import { Watcher } from './device/watcher.js';
import { AgentError, reasonOf } from './errors.js';
import { Guard } from './guard.js';
import { Health } from './health.js';
import { loadIdentity, readIdentity, type Identity } from './identity.js';
import { Layout } from './layout.js';
import { Lock } from './lock.js';
import type { Log } from './log/logger.js';
import { makeParts, type Hooks, type Link, type Parts } from './parts.js';
import { statusView } from './report.js';
import type { Settings } from './settings.js';
import { holdsModel } from './update/served.js';
import { Upkeep } from './upkeep.js';

export interface RunOptions {
  settings: Settings;
  host: string;
  /** 0: any free one. */
  port: number;
  log: Log;
}

/** Seconds between reports until the control plane says. */
const defaultIntervalSeconds = 30;

/** What `agent.json` tells local applications. */
export interface Running {
  pid: number;
  httpUrl: string;
  socketPath: string;
  /** Empty when the identity is damaged. */
  deviceId: string;
}

export class Agent {
  private connected = false;
  private interval: NodeJS.Timeout | undefined;
  private intervalMs = 0;
  private readonly upkeep: Upkeep;

  private constructor(
    private readonly guard: Guard | null,
    private readonly parts: Parts,
    readonly running: Running,
  ) {
    this.upkeep = new Upkeep(parts, running, () => parts.link?.identity ?? null);
  }

  /** @throws AgentError `NOT_ENROLLED`, `ALREADY_RUNNING`, `STATE_DAMAGED`, `LISTEN_FAILED` */
  static async start(options: RunOptions): Promise<Agent> {
    const { settings, log } = options;
    const layout = new Layout(settings.dir);
    const identity = await identityOf(layout);
    const hooks: Hooks = { changed: () => undefined, crashed: () => undefined };
    const health = new Health(log, () => hooks.changed());
    await layout.prepare();
    const holder: { agent?: Agent } = {};
    const guard = await takeGuard(layout, health, () => holder.agent?.running);
    let lock: Lock | null = null;
    try {
      lock = await takeLock(layout, health);
      await layout.sweep();
      const parts = await makeParts({ settings, layout, identity, health, hooks, log });
      const agent = (holder.agent = await Agent.listen(options, parts, guard, holder));
      agent.begin();
      await agent.upkeep.start(lock);
      log.info({ ...agent.running, dir: settings.dir, endpoint: identity?.endpoint }, 'agent started');
      return agent;
    } catch (error) {
      await lock?.release().catch(() => undefined);
      await guard?.release();
      throw error;
    }
  }

  private static async listen(
    options: RunOptions,
    parts: Parts,
    guard: Guard | null,
    holder: { agent?: Agent },
  ): Promise<Agent> {
    const { serving, recorder, settings, layout, health, log, link } = parts;
    const api = (parts.api = new Api({
      serving,
      record: (seen) => recorder.observe(seen),
      status: () => holder.agent!.status(),
      bodyBytes: settings.bodyBytes,
      log,
    }));
    try {
      const httpUrl = await api.listenTcp(options.host, options.port);
      let socketPath = layout.socket;
      if (!(await health.attempt('socket', () => api.listenUnix(socketPath)))) {
        socketPath = layout.temporarySocket;
        await health.attempt('socket', () => api.listenUnix(socketPath));
      }
      const running = { pid: process.pid, httpUrl, socketPath, deviceId: link?.identity.deviceId ?? '' };
      return new Agent(guard, parts, running);
    } catch (error) {
      await api.close();
      link?.connection.close();
      throw error;
    }
  }

  private begin(): void {
    const { updater, link } = this.parts;
    updater.start();
    if (link) this.beginLink(link);
    this.schedule();
  }

  private beginLink(link: Link): void {
    const { updater, layout, log } = this.parts;
    const { connection, reporter, uploader } = link;
    const watcher = new Watcher({
      open: (generation) => connection.watch(generation),
      generation: () => updater.state.update.generation,
      onDesired: (desired) =>
        void updater.hear(desired).then(
          () => this.schedule(),
          (error: unknown) => log.error({ err: reasonOf(error) }, 'the desired state could not be taken'),
        ),
      onConnected: (connected) => {
        if (connected === this.connected) return;
        this.connected = connected;
        log.info({ connected }, connected ? 'connected to the control plane' : 'disconnected from the control plane');
        if (!connected) return;
        updater.nudge();
        uploader.nudge();
        reporter.changed();
      },
      log,
    });
    const renewer = new Renewer({
      identity: link.identity,
      path: layout.identity,
      connection,
      onRenewed: (renewed) => {
        link.identity = renewed;
        connection.renew(renewed);
        watcher.reopen();
      },
      log,
    });
    Object.assign(link, { watcher, renewer });
    reporter.start();
    reporter.changed();
    uploader.start();
    watcher.start();
    renewer.start();
  }

  /** Windows close, telemetry goes and a report is sent at the interval that the control plane gave. */
  private schedule(): void {
    const { updater, recorder, link, log } = this.parts;
    const ms = (updater.state.desired.reportIntervalSeconds || defaultIntervalSeconds) * 1000;
    if (ms === this.intervalMs) return;
    this.intervalMs = ms;
    clearInterval(this.interval);
    this.interval = setInterval(() => {
      recorder.flush().then(
        () => {
          link?.uploader.nudge();
          link?.reporter.changed();
        },
        (error: unknown) => log.error({ err: reasonOf(error) }, 'the telemetry window was not closed'),
      );
    }, ms);
  }

  /** What `verge-agent status` shows. */
  async status(): Promise<Record<string, unknown>> {
    return { ...this.running, ...(await statusView(this.parts, this.connected)) };
  }

  async stop(): Promise<void> {
    const { link, updater, recorder, serving, spool, layout, api } = this.parts;
    clearInterval(this.interval);
    link?.renewer?.stop();
    await api?.close();
    await Promise.all([link?.watcher?.stop(), updater.stop()]);
    await recorder.close();
    await Promise.all([link?.uploader.stop(), link?.reporter.stop(), serving.close()]);
    await spool.close();
    link?.connection.close();
    await this.upkeep.stop();
    for (const path of [layout.running, this.running.socketPath])
      await rm(path, { force: true }).catch(() => undefined);
    await this.guard?.release();
  }
}

/**
 * The identity; null where it is damaged and a model is installed, which then serves without one.
 * @throws AgentError `NOT_ENROLLED`, `STATE_DAMAGED`
 */
async function identityOf(layout: Layout): Promise<Identity | null> {
  const { value } = await readIdentity(layout.identity);
  return value ?? ((await holdsModel(layout)) ? null : await loadIdentity(layout.identity));
}

/** @throws AgentError `ALREADY_RUNNING` */
async function takeGuard(layout: Layout, health: Health, tell: () => unknown): Promise<Guard | null> {
  return Guard.take(layout.dir, tell).catch((error: unknown) => unlessRunning(error, health));
}

/** The lock also shows who runs here, and counts where there is no guard. @throws AgentError `ALREADY_RUNNING` */
async function takeLock(layout: Layout, health: Health): Promise<Lock | null> {
  return Lock.take(layout.lock).catch((error: unknown) => unlessRunning(error, health));
}

function unlessRunning(error: unknown, health: Health): null {
  if (error instanceof AgentError && error.code === 'ALREADY_RUNNING') throw error;
  health.report('lock', error);
  return null;
}
