/** The parts of a running agent, and how they are made. */
import { RepositoryClient } from '@verge/trust/verify';
import type { Api } from './api/server.js';
import { blobFetcher } from './device/blobs.js';
import { Connection } from './device/connection.js';
import type { Renewer } from './device/renewer.js';
import { Reporter } from './device/reporter.js';
import type { Watcher } from './device/watcher.js';
import { AgentError, reasonOf } from './errors.js';
import { readFacts } from './facts.js';
import type { Health } from './health.js';
import type { Identity } from './identity.js';
import type { Layout } from './layout.js';
import type { Log } from './log/logger.js';
import { statusReport } from './report.js';
import { Serving } from './serving.js';
import type { Settings } from './settings.js';
import { Recorder } from './telemetry/recorder.js';
import { Spool } from './telemetry/spool.js';
import { Uploader } from './telemetry/uploader.js';
import { killPoint } from './update/kill-point.js';
import type { StepContext } from './update/steps.js';
import { Store } from './update/store.js';
import { Updater } from './update/updater.js';

/** What speaks with the control plane; nothing without an identity. */
export interface Link {
  identity: Identity;
  connection: Connection;
  reporter: Reporter;
  uploader: Uploader;
  watcher?: Watcher;
  renewer?: Renewer;
}

export interface Parts {
  settings: Settings;
  layout: Layout;
  health: Health;
  log: Log;
  spool: Spool;
  recorder: Recorder;
  serving: Serving;
  updater: Updater;
  link: Link | null;
  api?: Api;
}

export interface Hooks {
  changed: () => void;
  crashed: (digest: string) => void;
}

export async function makeParts(from: {
  settings: Settings;
  layout: Layout;
  identity: Identity | null;
  health: Health;
  hooks: Hooks;
  log: Log;
}): Promise<Parts> {
  const { settings, layout, identity, health, hooks, log } = from;
  const spool = await Spool.open({ dir: layout.spool, maxBytes: settings.spoolBytes });
  const journal = layout.openWindow;
  const recorder = await Recorder.open({ spool, journal, journalMs: settings.journalMs, health, log });
  const serving = new Serving({ threads: settings.threads, onCrash: (digest) => hooks.crashed(digest), log });
  const connection = identity && new Connection(identity);
  const updater = await Updater.open({
    context: {
      layout,
      store: new Store(layout.store, settings.reserveBytes, { log, at: (point) => killPoint(settings.killAt, point) }),
      serving,
      deviceId: identity?.deviceId ?? '',
      deviceClass: identity?.deviceClass ?? null,
      threads: settings.threads,
      ...sources(layout, identity, connection),
      progress: { bytes: 0, total: 0 },
      health,
      log,
      now: Date.now,
    },
    probation: { durationMs: settings.probationMs, crashes: settings.probationCrashes },
    killAt: settings.killAt,
    onChange: () => hooks.changed(),
  });
  hooks.crashed = (digest) =>
    void updater
      .crashed(digest)
      .catch((error: unknown) => log.error({ err: reasonOf(error) }, 'a crash could not be noted'));
  const parts: Parts = { settings, layout, health, log, spool, recorder, serving, updater, link: null };
  if (identity && connection) parts.link = await makeLink(parts, identity, connection);
  hooks.changed = () => parts.link?.reporter.changed();
  return parts;
}

async function makeLink(parts: Parts, identity: Identity, connection: Connection): Promise<Link> {
  const { spool, log } = parts;
  const facts = await readFacts();
  const reporter = new Reporter({
    snapshot: () => statusReport(parts, facts),
    send: (report) => connection.report(report),
    log,
  });
  const uploader = new Uploader({ spool, push: (batch) => connection.pushTelemetry(batch), log });
  return { identity, connection, reporter, uploader };
}

/** Where updates come from; without an identity an update waits. */
function sources(
  layout: Layout,
  identity: Identity | null,
  connection: Connection | null,
): Pick<StepContext, 'repositories' | 'fetchBlob'> {
  if (!identity || !connection) {
    const none = (): never => {
      throw new AgentError('NOT_ENROLLED', 'the identity of this device is damaged; enrol it again');
    };
    return { repositories: () => Promise.resolve().then(none), fetchBlob: none };
  }
  const open = (repository: 'release' | 'director') =>
    RepositoryClient.open({
      dir: layout.metadata(repository),
      trustedRoot: Buffer.from(repository === 'release' ? identity.releaseRoot : identity.directorRoot, 'base64'),
      fetch: (name) => connection.getMetadata(repository === 'release' ? 'RELEASE' : 'DIRECTOR', name),
    });
  let clients: { release: RepositoryClient; director: RepositoryClient } | null = null;
  return {
    repositories: async () => (clients ??= { release: await open('release'), director: await open('director') }),
    fetchBlob: (signal) => blobFetcher(connection, signal),
  };
}
