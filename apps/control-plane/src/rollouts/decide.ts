/**
 * What a rollout does next, as a pure function of what was decided before, what was observed, and the time. Nothing here
 * reads a clock, a database or a socket; RolloutScheduler is the shell that does.
 */
import type { RolloutDeviceEvent } from '@verge/contracts';
import { isFinal, rolloutDeviceLifecycle, rolloutLifecycle, transition } from '@verge/contracts';
import { gateBreach, waveFigures } from './gate.js';
import type {
  DeviceObservation,
  Observation,
  RolloutDecision,
  RolloutDeviceSnapshot,
  RolloutEffect,
  RolloutSnapshot,
  WaveSnapshot,
} from './snapshot.js';

/**
 * Applies, in this order: what devices reported, what a person asked, the gate, and the progress of the waves.
 * @throws LifecycleError when the command is not allowed in the rollout's state
 */
export function decideRollout(previous: RolloutSnapshot, observed: Observation, now: number): RolloutDecision {
  const step = new Step(previous, observed, now);
  step.applyReports();
  step.applyCommand();
  step.applyGate();
  step.advance();
  step.finishRevert();
  return step.decision();
}

const settledStates = new Set(['updated', 'failed', 'skipped', 'reverted']);

class Step {
  private readonly effects: RolloutEffect[] = [];
  private state;
  private reason;
  private finishedAt;
  private waves: WaveSnapshot[];
  private devices: RolloutDeviceSnapshot[];

  constructor(
    private readonly previous: RolloutSnapshot,
    private readonly observed: Observation,
    private readonly now: number,
  ) {
    this.state = previous.state;
    this.reason = previous.reason;
    this.finishedAt = previous.finishedAt;
    this.waves = [...previous.waves];
    this.devices = [...previous.devices];
  }

  decision(): RolloutDecision {
    const { state, reason, waves, devices, finishedAt } = this;
    return { next: { ...this.previous, state, reason, waves, devices, finishedAt }, effects: this.effects };
  }

  /** Reports move devices in every state of the rollout: one that was ended early still shows what became of them. */
  applyReports(): void {
    this.eachDevice((device, seen) => {
      if (seen === undefined) return device;
      if (device.state === 'reverting') return this.confirmRevert(device, seen);
      if (device.state === 'skipped' || device.state === 'reverted') return device;
      if (seen.revoked) return this.withoutDevice(device);
      if (device.state === 'waiting') return device;
      if (seen.event === 'activate' && device.state !== 'updated' && device.state !== 'failed') {
        return this.activated(device);
      }
      if (seen.event === 'fail' && device.state !== 'failed') {
        return this.failed(device, seen.error ?? { code: 'INTERNAL', message: 'the device gave no reason' });
      }
      if (seen.event === 'begin' && device.state === 'offered') return this.moved(device, 'begin');
      return this.timedOut(device);
    });
  }

  applyCommand(): void {
    const { command } = this.observed;
    if (command === undefined) return;
    if (command === 'revert') return this.stop('reverted by request');
    this.state = transition(rolloutLifecycle, this.state, command);
    this.reason = { pause: 'paused by request', resume: '', cancel: 'cancelled by request' }[command];
    if (command === 'cancel') this.end();
  }

  /** Every wave that was started is watched to the end, so a wave that passed can still stop the rollout. */
  applyGate(): void {
    if (this.state !== 'running' && this.state !== 'paused') return;
    for (const wave of this.waves) {
      if (wave.state !== 'active' && wave.state !== 'passed') continue;
      const breach = gateBreach(this.figures(wave), this.previous.gate, this.lastError(wave));
      if (breach === null) continue;
      this.setWave({ ...wave, state: 'failed', finishedAt: this.now });
      return this.stop(`wave ${wave.index + 1}: ${breach}`);
    }
  }

  /** Offers the update to the wave in turn, and goes on to the next one when it has passed. */
  advance(): void {
    while (this.state === 'running') {
      const wave = this.waves.find((w) => w.state === 'active' || w.state === 'waiting');
      if (wave === undefined) {
        this.state = transition(rolloutLifecycle, this.state, 'complete');
        this.reason = '';
        this.finishedAt = this.now;
        return;
      }
      this.offer(wave);
      const waits = this.waitsFor(wave);
      this.reason = waits ?? '';
      if (waits !== null) return;
      this.setWave({ ...this.wave(wave.index), state: 'passed', finishedAt: this.now });
    }
  }

  /** A device that does not answer is not waited for beyond its time: what it is to run is recorded already. */
  finishRevert(): void {
    if (this.state !== 'reverting') return;
    const open = this.devices.filter((device) => device.state === 'reverting');
    const late = open.filter((device) => this.expired(device.revertingAt));
    if (late.length < open.length) return;
    this.state = transition(rolloutLifecycle, this.state, 'finish-revert');
    this.finishedAt = this.now;
    if (late.length > 0) this.reason += `; ${late.length} devices have not confirmed yet`;
  }

  private offer(wave: WaveSnapshot): void {
    if (wave.state === 'waiting') this.setWave({ ...wave, state: 'active', startedAt: this.now });
    this.eachDevice((device, seen) => {
      if (device.wave !== wave.index || device.state !== 'waiting') return device;
      this.effects.push({ kind: 'desire', deviceId: device.deviceId, digest: device.manifestDigest });
      const offered = this.moved(device, 'offer');
      return { ...offered, offeredAt: this.now, previousDigest: seen?.fallbackDigest ?? null };
    });
  }

  /** What an active wave still waits for, in words; null when it has passed. */
  private waitsFor(active: WaveSnapshot): string | null {
    const members = this.members(active);
    const name = `wave ${active.index + 1}`;
    const open = members.filter(({ device }) => !settledStates.has(device.state)).length;
    if (open > 0) return `${name}: waiting for ${open} of ${members.length} devices`;
    const wave = this.wave(active.index);
    const settledAt = wave.settledAt ?? this.now;
    this.setWave({ ...wave, settledAt });
    const { gate } = this.previous;
    const left = settledAt + gate.observeSeconds * 1000 - this.now;
    if (left > 0) return `${name}: observed for ${gate.observeSeconds} s`;
    const { withoutTraffic } = this.figures(wave);
    if (withoutTraffic > 0) {
      return `${name}: ${withoutTraffic} devices have answered fewer than ${gate.minRequests} requests so far`;
    }
    return null;
  }

  /** Stops and takes back every device that was offered the update, whatever has become of it. */
  private stop(reason: string): void {
    this.state = transition(rolloutLifecycle, this.state, 'stop');
    this.reason = reason;
    this.effects.push({ kind: 'audit', action: 'rollout.stop', reason });
    this.waves = this.waves.map((w) => (w.state === 'active' ? { ...w, state: 'failed', finishedAt: this.now } : w));
    this.eachDevice((device, seen) => {
      if (device.state === 'skipped' || device.state === 'reverted') return device;
      if (device.state === 'waiting') return this.moved(device, 'skip');
      const reverting = { ...this.moved(device, 'revert'), revertingAt: this.now };
      if (seen?.superseded || seen?.revoked) return this.moved(reverting, 'confirm-revert');
      // A failed device was told already to keep what it had.
      if (device.state !== 'failed') this.takeBack(device);
      return device.previousDigest === null ? this.moved(reverting, 'confirm-revert') : reverting;
    });
  }

  private end(): void {
    this.finishedAt = this.now;
    this.waves = this.waves.map((w) => (w.state === 'active' ? { ...w, finishedAt: this.now } : w));
    this.eachDevice((device, seen) => {
      if (device.state === 'waiting') return this.moved(device, 'skip');
      if (device.state !== 'offered') return device;
      if (!seen?.superseded) this.takeBack(device);
      return this.moved(device, 'skip');
    });
  }

  private confirmRevert(device: RolloutDeviceSnapshot, seen: DeviceObservation): RolloutDeviceSnapshot {
    const back = seen.acknowledged && seen.activeDigest === device.previousDigest;
    if (!back && !seen.superseded && !seen.revoked) return device;
    this.note(device, 'rollout.reverted', 'went back to the previous version');
    return this.moved(device, 'confirm-revert');
  }

  private activated(device: RolloutDeviceSnapshot): RolloutDeviceSnapshot {
    this.note(device, 'rollout.updated', 'runs the new version');
    return { ...this.moved(device, 'activate'), updatedAt: this.now, error: null };
  }

  private failed(
    device: RolloutDeviceSnapshot,
    error: { readonly code: string; readonly message: string },
  ): RolloutDeviceSnapshot {
    this.note(device, 'rollout.failed', `${error.code}: ${error.message}`);
    // Otherwise the device could come back later and update itself unobserved.
    if (!this.observed.devices.get(device.deviceId)?.superseded) this.takeBack(device);
    return { ...this.moved(device, 'fail'), error };
  }

  private timedOut(device: RolloutDeviceSnapshot): RolloutDeviceSnapshot {
    const open = device.state === 'offered' || device.state === 'updating';
    if (!open || isFinal(rolloutLifecycle, this.state) || !this.expired(device.offeredAt)) return device;
    const seconds = this.previous.gate.deviceTimeoutSeconds;
    return this.failed(device, { code: 'TIMEOUT', message: `had not settled ${seconds} s after it was offered` });
  }

  private withoutDevice(device: RolloutDeviceSnapshot): RolloutDeviceSnapshot {
    if (device.state === 'waiting' || device.state === 'offered') {
      return { ...this.moved(device, 'skip'), error: { code: 'REVOKED', message: 'the device was revoked' } };
    }
    if (device.state !== 'updating') return device;
    return { ...this.moved(device, 'fail'), error: { code: 'REVOKED', message: 'the device was revoked' } };
  }

  private takeBack(device: RolloutDeviceSnapshot): void {
    this.effects.push({ kind: 'desire', deviceId: device.deviceId, digest: device.previousDigest });
  }

  private moved(device: RolloutDeviceSnapshot, event: RolloutDeviceEvent): RolloutDeviceSnapshot {
    return { ...device, state: transition(rolloutDeviceLifecycle, device.state, event) };
  }

  private note(device: RolloutDeviceSnapshot, event: string, message: string): void {
    this.effects.push({ kind: 'history', deviceId: device.deviceId, event, message });
  }

  private expired(since: number | null): boolean {
    return since !== null && this.now - since >= this.previous.gate.deviceTimeoutSeconds * 1000;
  }

  private eachDevice(
    change: (device: RolloutDeviceSnapshot, seen: DeviceObservation | undefined) => RolloutDeviceSnapshot,
  ): void {
    this.devices = this.devices.map((device) => change(device, this.observed.devices.get(device.deviceId)));
  }

  private members(wave: WaveSnapshot) {
    return this.devices
      .filter((device) => device.wave === wave.index)
      .map((device) => ({ device, seen: this.observed.devices.get(device.deviceId) }));
  }

  private figures(wave: WaveSnapshot) {
    return waveFigures(this.members(wave), this.previous.gate);
  }

  private lastError(wave: WaveSnapshot): string | null {
    const error = this.members(wave).findLast(({ device }) => device.state === 'failed')?.device.error;
    return error ? `${error.code}: ${error.message}` : null;
  }

  private wave(index: number): WaveSnapshot {
    return this.waves.find((w) => w.index === index)!;
  }

  private setWave(wave: WaveSnapshot): void {
    this.waves = this.waves.map((w) => (w.index === wave.index ? wave : w));
  }
}
