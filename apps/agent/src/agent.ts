/** The running agent: its parts, who tells whom, and in which order they start and stop. */
import { rm } from 'node:fs/promises';
import { RepositoryClient } from '@verge/trust/verify';
import type { StatusReport } from '@verge/contracts/grpc';
import { Api } from './api/server.js';
import { writeAtomic } from './atomic-file.js';
import { blobFetcher } from './device/blobs.js';
import { Connection } from './device/connection.js';
import { Renewer } from './device/renewer.js';
import { Reporter } from './device/reporter.js';
import { Watcher } from './device/watcher.js';
import { reasonOf } from './errors.js';
import { readFacts } from './facts.js';
import { loadIdentity, type Identity } from './identity.js';
import { Layout } from './layout.js';
import { Lock } from './lock.js';
import type { Log } from './log/logger.js';
import { Serving } from './serving.js';
import type { Settings } from './settings.js';
import { Recorder } from './telemetry/recorder.js';
import { Spool } from './telemetry/spool.js';
import { Uploader } from './telemetry/uploader.js';
import { activeDigest } from './update/state.js';
import { Store } from './update/store.js';
import { Updater } from './update/updater.js';

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
  deviceId: string;
}

export class Agent {
  readonly running: Running;
  private connected = false;
  private interval: NodeJS.Timeout | undefined;

  private constructor(
    private readonly layout: Layout,
    private readonly lock: Lock,
    private readonly parts: Parts,
    running: Running,
  ) {
    this.running = running;
  }

  /** @throws AgentError `NOT_ENROLLED`, `ALREADY_RUNNING`, `STATE_DAMAGED`, `LISTEN_FAILED` */
  static async start(options: RunOptions): Promise<Agent> {
    const { settings, log } = options;
    const layout = new Layout(settings.dir);
    const identity = await loadIdentity(layout.identity);
    await layout.prepare();
    const lock = await Lock.take(layout.lock);
    try {
      const agent = await Agent.assemble(options, layout, lock, identity);
      await writeAtomic(layout.running, `${JSON.stringify(agent.running)}\n`);
      agent.begin();
      log.info({ ...agent.running, dir: settings.dir, endpoint: identity.endpoint }, 'agent started');
      return agent;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  private static async assemble(options: RunOptions, layout: Layout, lock: Lock, identity: Identity): Promise<Agent> {
    const { settings, log } = options;
    const facts = await readFacts();
    const spool = await Spool.open({ dir: layout.spool, maxBytes: settings.spoolBytes });
    const recorder = await Recorder.open({ spool, journal: layout.openWindow, journalMs: settings.journalMs, log });
    const connection = new Connection(identity);
    const hooks: Hooks = { changed: () => undefined, crashed: () => undefined };
    const serving = new Serving({ threads: settings.threads, onCrash: (digest) => hooks.crashed(digest), log });
    const updater = await openUpdater({ settings, layout, identity, connection, serving, log, hooks });
    hooks.crashed = (digest) =>
      void updater
        .crashed(digest)
        .catch((error: unknown) => log.error({ err: reasonOf(error) }, 'a crash could not be noted'));
    const reporter = new Reporter({
      snapshot: () => snapshot({ facts, spool, recorder, serving, updater }),
      send: (report) => connection.report(report),
      log,
    });
    hooks.changed = () => reporter.changed();
    const uploader = new Uploader({ spool, push: (batch) => connection.pushTelemetry(batch), log });
    const parts: Parts = { identity, connection, spool, recorder, serving, updater, reporter, uploader, log, settings };
    const holder: { agent?: Agent } = {};
    const api = new Api({
      serving,
      record: (seen) => recorder.observe(seen),
      status: () => holder.agent!.status(),
      bodyBytes: settings.bodyBytes,
      log,
    });
    try {
      const httpUrl = await api.listenTcp(options.host, options.port);
      await api.listenUnix(layout.socket);
      const running = { pid: process.pid, httpUrl, socketPath: layout.socket, deviceId: identity.deviceId };
      parts.api = api;
      return (holder.agent = new Agent(layout, lock, parts, running));
    } catch (error) {
      await api.close();
      connection.close();
      throw error;
    }
  }

  private begin(): void {
    const { identity, connection, updater, reporter, uploader, log } = this.parts;
    const watcher = new Watcher({
      open: (generation) => connection.watch(generation),
      generation: () => updater.state.update.generation,
      onDesired: (desired) =>
        void updater.hear(desired).then(
          () => this.schedule(),
          (error: unknown) => log.error({ err: reasonOf(error) }, 'the desired state could not be saved'),
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
      identity,
      path: this.layout.identity,
      connection,
      onRenewed: (renewed) => {
        connection.renew(renewed);
        watcher.reopen();
      },
      log,
    });
    this.parts.watcher = watcher;
    this.parts.renewer = renewer;
    updater.start();
    reporter.start();
    reporter.changed();
    uploader.start();
    watcher.start();
    renewer.start();
    this.schedule();
  }

  private intervalMs = 0;

  /** Windows close, telemetry goes and a report is sent at the interval that the control plane gave. */
  private schedule(): void {
    const { updater, recorder, uploader, reporter, log } = this.parts;
    const ms = (updater.state.desired.reportIntervalSeconds || defaultIntervalSeconds) * 1000;
    if (ms === this.intervalMs) return;
    this.intervalMs = ms;
    clearInterval(this.interval);
    this.interval = setInterval(() => {
      recorder
        .flush()
        .then(() => {
          uploader.nudge();
          reporter.changed();
        })
        .catch((error: unknown) => log.error({ err: reasonOf(error) }, 'a telemetry window could not be closed'));
    }, ms);
  }

  /** What `verge-agent status` shows. */
  async status(): Promise<Record<string, unknown>> {
    const { identity, spool, recorder, serving, updater } = this.parts;
    const { update, desired } = updater.state;
    const model = serving.current?.manifest;
    return {
      ...this.running,
      name: identity.name,
      deviceClass: identity.deviceClass,
      connected: this.connected,
      serving: model ? { model: model.model, version: model.version, digest: serving.digest } : null,
      inferencePid: serving.pid,
      inferenceRssBytes: await serving.rssBytes(),
      update: { ...update, progress: updater.progress },
      desired,
      activeDigest: activeDigest(updater.state),
      requests: recorder.totals.now,
      spool: { id: spool.id, records: spool.waiting, bytes: spool.bytes, dropped: spool.dropped + recorder.dropped },
      valuesLeftOut: recorder.left,
    };
  }

  async stop(): Promise<void> {
    const { watcher, renewer, updater, reporter, uploader, recorder, serving, spool, connection, api } = this.parts;
    clearInterval(this.interval);
    renewer?.stop();
    await api?.close();
    await Promise.all([watcher?.stop(), updater.stop()]);
    await recorder.close();
    await Promise.all([uploader.stop(), reporter.stop(), serving.close()]);
    await spool.close();
    connection.close();
    await rm(this.layout.running, { force: true });
    await rm(this.layout.socket, { force: true });
    await this.lock.release();
  }
}

interface Hooks {
  changed: () => void;
  crashed: (digest: string) => void;
}

interface Parts {
  identity: Identity;
  connection: Connection;
  spool: Spool;
  recorder: Recorder;
  serving: Serving;
  updater: Updater;
  reporter: Reporter;
  uploader: Uploader;
  log: Log;
  settings: Settings;
  api?: Api;
  watcher?: Watcher;
  renewer?: Renewer;
}

function openUpdater(from: {
  settings: Settings;
  layout: Layout;
  identity: Identity;
  connection: Connection;
  serving: Serving;
  log: Log;
  hooks: Hooks;
}): Promise<Updater> {
  const { settings, layout, identity, connection, serving, log, hooks } = from;
  const openRepository = (repository: 'release' | 'director') =>
    RepositoryClient.open({
      dir: layout.metadata(repository),
      trustedRoot: Buffer.from(repository === 'release' ? identity.releaseRoot : identity.directorRoot, 'base64'),
      fetch: (name) => connection.getMetadata(repository === 'release' ? 'RELEASE' : 'DIRECTOR', name),
    });
  let clients: { release: RepositoryClient; director: RepositoryClient } | null = null;
  return Updater.open({
    context: {
      layout,
      store: new Store(layout.store, settings.reserveBytes),
      serving,
      deviceId: identity.deviceId,
      deviceClass: identity.deviceClass,
      threads: settings.threads,
      repositories: async () =>
        (clients ??= { release: await openRepository('release'), director: await openRepository('director') }),
      fetchBlob: (signal) => blobFetcher(connection, signal),
      progress: { bytes: 0, total: 0 },
      log,
      now: Date.now,
    },
    probation: { durationMs: settings.probationMs, crashes: settings.probationCrashes },
    killAt: settings.killAt,
    onChange: () => hooks.changed(),
  });
}

async function snapshot(from: {
  facts: Record<string, string>;
  spool: Spool;
  recorder: Recorder;
  serving: Serving;
  updater: Updater;
}): Promise<StatusReport> {
  const { facts, spool, recorder, serving, updater } = from;
  const { state, progress } = updater;
  const { update } = state;
  return {
    atMs: Date.now(),
    generation: update.generation,
    // An update that was given up because it is no longer wished has not failed.
    updateState: update.state === 'failed' && update.error === null ? 'idle' : update.state,
    activeDigest: activeDigest(state) ?? '',
    targetDigest: update.target?.manifestDigest ?? '',
    rolloutId: update.target?.rolloutId ?? '',
    errorCode: update.error?.code ?? '',
    errorMessage: (update.error?.message ?? '').replaceAll('\0', ' '),
    progressBytes: progress.bytes,
    totalBytes: progress.total,
    facts,
    rssBytes: process.memoryUsage.rss() + (await serving.rssBytes()),
    spoolRecords: spool.waiting,
    spoolDropped: spool.dropped + recorder.dropped,
  };
}
