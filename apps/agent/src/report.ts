/** What the agent says of itself: to the control plane, and to people. */
import type { StatusReport } from '@verge/contracts/grpc';
import type { Parts } from './parts.js';
import { activeDigest } from './update/state.js';

/** Telemetry that was observed and will never be delivered. */
function droppedRecords({ spool, recorder }: Parts): number {
  return spool.dropped + recorder.dropped;
}

export async function statusReport(parts: Parts, facts: Record<string, string>): Promise<StatusReport> {
  const { spool, serving, updater, health } = parts;
  const { state, progress } = updater;
  const { update } = state;
  const degraded = health.fact;
  const refused = updater.refusedPacked;
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
    facts: {
      ...facts,
      ...(degraded !== null && { degraded }),
      // A control plane whose packed forms do not give the signed bytes is to be looked at, though nothing fails.
      ...(refused > 0 && { packedRefused: String(refused) }),
    },
    rssBytes: process.memoryUsage.rss() + (await serving.rssBytes()),
    spoolRecords: spool.waiting,
    spoolDropped: droppedRecords(parts),
  };
}

/** What `verge-agent status` shows, beside what runs where. */
export async function statusView(parts: Parts, connected: boolean): Promise<Record<string, unknown>> {
  const { link, spool, recorder, serving, updater, health } = parts;
  const { update, desired } = updater.state;
  const model = serving.current?.manifest;
  return {
    name: link?.identity.name ?? null,
    deviceClass: link?.identity.deviceClass ?? null,
    connected,
    serving: model ? { model: model.model, version: model.version, digest: serving.digest } : null,
    inferencePid: serving.pid,
    inferenceRssBytes: await serving.rssBytes(),
    degraded: health.list,
    mended: health.mended,
    update: { ...update, progress: updater.progress },
    packedRefused: updater.refusedPacked,
    desired,
    activeDigest: activeDigest(updater.state),
    requests: recorder.totals.now,
    spool: { id: spool.id, records: spool.waiting, bytes: spool.bytes, dropped: droppedRecords(parts) },
    valuesLeftOut: recorder.left,
  };
}
