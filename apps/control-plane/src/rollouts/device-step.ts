/** What becomes of one device in a rollout, from what it reported and from how long it has been silent. Pure. */
import type { RolloutDeviceEvent } from '@verge/contracts';
import { rolloutDeviceLifecycle, transition } from '@verge/contracts';
import type { DeviceObservation, RolloutDeviceSnapshot, RolloutEffect } from './snapshot.js';

export interface DeviceContext {
  /** On the rollout's clock. */
  readonly clock: number;
  /** Wall clock, to be shown. */
  readonly now: number;
  readonly timeoutMs: number;
  /** Whether the rollout goes on. A device that comes back after its end is still heard. */
  readonly open: boolean;
}

export interface DeviceStep {
  readonly device: RolloutDeviceSnapshot;
  readonly effects: readonly RolloutEffect[];
}

export const reasonsToLeave = {
  REVOKED: 'the device was revoked',
  MOVED: 'the device was moved to another group before its turn',
  SUPERSEDED: 'a newer rollout says what the device is to run',
} as const;

export function stepDevice(
  device: RolloutDeviceSnapshot,
  seen: DeviceObservation | undefined,
  context: DeviceContext,
): DeviceStep {
  if (seen === undefined || device.state === 'skipped' || device.state === 'reverted') return unchanged(device);
  const gone = reasonToLeave(device, seen, context.open);
  if (gone !== null) return { device: leave(device, gone), effects: [] };
  if (device.state === 'reverting') return confirmRevert(device, seen);
  if (device.state === 'waiting' || device.state === 'failed') return unchanged(device);
  if (device.state === 'updated' && !context.open) return unchanged(device);
  if (seen.event === 'fail') return fail(device, seen);
  if (device.state === 'updated') return unchanged(device);
  if (seen.event === 'activate') return activate(device, context);
  return { device: listen(device, seen, context), effects: [] };
}

/** Newest intent wins: a rollout lets go of a device that a newer one has spoken to, or that left its group in time. */
export function reasonToLeave(
  device: RolloutDeviceSnapshot,
  seen: DeviceObservation,
  open: boolean,
): keyof typeof reasonsToLeave | null {
  if (device.state === 'failed' || device.state === 'skipped' || device.state === 'reverted') return null;
  // What was updated in a rollout that has ended stays written down as it was.
  if (device.state === 'updated') return seen.superseded && open ? 'SUPERSEDED' : null;
  if (seen.revoked) return 'REVOKED';
  if (seen.superseded) return 'SUPERSEDED';
  return device.state === 'waiting' && seen.moved ? 'MOVED' : null;
}

export function leave(device: RolloutDeviceSnapshot, code: keyof typeof reasonsToLeave): RolloutDeviceSnapshot {
  return { ...moved(device, 'skip'), error: device.error ?? { code, message: reasonsToLeave[code] } };
}

export function moved(device: RolloutDeviceSnapshot, event: RolloutDeviceEvent): RolloutDeviceSnapshot {
  return { ...device, state: transition(rolloutDeviceLifecycle, device.state, event) };
}

/** From now on the device is to run again what it had; null, to serve nothing. */
export function takeBack(device: RolloutDeviceSnapshot): RolloutEffect {
  return { kind: 'desire', deviceId: device.deviceId, digest: device.previousDigest };
}

function unchanged(device: RolloutDeviceSnapshot): DeviceStep {
  return { device, effects: [] };
}

/** Believed only when the device answers to the newest wish and serves what it had before: nothing, if that was nothing. */
function confirmRevert(device: RolloutDeviceSnapshot, seen: DeviceObservation): DeviceStep {
  if (!seen.acknowledged || seen.activeDigest !== device.previousDigest) return unchanged(device);
  const message = device.previousDigest === null ? 'serves nothing, as before' : 'went back to the previous version';
  return { device: moved(device, 'confirm-revert'), effects: [note(device, 'rollout.reverted', message)] };
}

function activate(device: RolloutDeviceSnapshot, { now }: DeviceContext): DeviceStep {
  const updated = { ...moved(device, 'activate'), updatedAt: now, error: null };
  return { device: updated, effects: [note(device, 'rollout.updated', 'runs the new version')] };
}

/** It is told to keep what it has; otherwise it could come back later and update itself unobserved. */
function fail(device: RolloutDeviceSnapshot, seen: DeviceObservation): DeviceStep {
  const error = seen.error ?? { code: 'INTERNAL', message: 'the device gave no reason' };
  const effects = [note(device, 'rollout.failed', `${error.code}: ${error.message}`), takeBack(device)];
  return { device: { ...moved(device, 'fail'), error }, effects };
}

/** Progress starts the wait anew; silence beyond its time leaves the device behind, and is no failure. */
function listen(
  device: RolloutDeviceSnapshot,
  seen: DeviceObservation,
  { clock, timeoutMs, open }: DeviceContext,
): RolloutDeviceSnapshot {
  const silentMs = clock - (device.sinceClock ?? 0);
  if (device.state === 'offered' || device.state === 'pending') {
    if (seen.event === 'begin') return { ...moved(device, 'begin'), sinceClock: clock, progress: seen.progress };
    return open && device.state === 'offered' && silentMs >= timeoutMs ? moved(device, 'miss') : device;
  }
  const progressed = seen.progress !== device.progress;
  if (device.state === 'stalled') {
    return progressed ? { ...moved(device, 'begin'), sinceClock: clock, progress: seen.progress } : device;
  }
  // Written down ten times within the limit at most, not with every report.
  if (progressed)
    return silentMs >= timeoutMs / 10 ? { ...device, sinceClock: clock, progress: seen.progress } : device;
  return open && silentMs >= timeoutMs ? moved(device, 'stall') : device;
}

function note(device: RolloutDeviceSnapshot, event: string, message: string): RolloutEffect {
  return { kind: 'history', deviceId: device.deviceId, event, message };
}
