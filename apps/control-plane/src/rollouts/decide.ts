/**
 * What a rollout does next, as a pure function of what was decided before, what was observed, and the time. Nothing here
 * reads a clock, a database or a socket; RolloutScheduler is the shell that does.
 */
import { isFinal, rolloutLifecycle, transition } from '@verge/contracts';
import { moveOn } from './clock.js';
import { leave, moved, reasonToLeave, stepDevice, takeBack } from './device-step.js';
import type { WaveMember } from './gate.js';
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
import { devicesInWords, waveProgress } from './wave-progress.js';

/**
 * Applies, in this order: what devices reported, what a person asked, the gate, and the progress of the waves.
 * @param now wall clock of the database, milliseconds; only steps of it count, and those within bounds
 * @throws LifecycleError when the command is not allowed in the rollout's state
 */
export function decideRollout(previous: RolloutSnapshot, observed: Observation, now: number): RolloutDecision {
  const step = new Step({ ...previous, ...moveOn(previous, now) }, observed, now);
  step.applyReports();
  step.applyCommand();
  step.applyGate();
  step.advance();
  step.finishRevert();
  return step.decision();
}

/** How long an ending rollout waits for devices that are not there; what they are to run is recorded already. */
const awayMs = 30_000;

class Step {
  private readonly effects: RolloutEffect[] = [];
  private state;
  private reason;
  private finishedAt;
  private waves: readonly WaveSnapshot[];
  private devices: readonly RolloutDeviceSnapshot[];
  private readonly clock: number;

  constructor(
    private readonly previous: RolloutSnapshot,
    private readonly observed: Observation,
    private readonly now: number,
  ) {
    this.state = previous.state;
    this.reason = previous.reason;
    this.finishedAt = previous.finishedAt;
    this.waves = previous.waves;
    this.devices = previous.devices;
    this.clock = previous.clock;
  }

  decision(): RolloutDecision {
    const { state, reason, waves, devices, finishedAt } = this;
    return { next: { ...this.previous, state, reason, waves, devices, finishedAt }, effects: this.effects };
  }

  /** Reports move devices in every state of the rollout: one that comes back after its end still shows what became of it. */
  applyReports(): void {
    const { clock, now } = this;
    const timeoutMs = this.previous.gate.deviceTimeoutSeconds * 1000;
    const context = { clock, now, timeoutMs, open: !isFinal(rolloutLifecycle, this.state) };
    this.eachDevice((device, seen) => {
      const step = stepDevice(device, seen, context);
      this.effects.push(...step.effects);
      return step.device;
    });
  }

  applyCommand(): void {
    const { command } = this.observed;
    if (command === undefined) return;
    if (command === 'revert') return this.stop('reverted by request');
    this.state = transition(rolloutLifecycle, this.state, command);
    this.reason = { pause: 'paused by request', resume: '', cancel: 'cancelled by request' }[command];
    if (command === 'resume') this.waitForTrafficAgain();
    if (command === 'cancel') this.end();
  }

  /** Every wave that was started is watched to the end, so a wave that passed can still stop the rollout. */
  applyGate(): void {
    if (this.state !== 'running' && this.state !== 'paused') return;
    for (const wave of this.waves) {
      if (wave.state === 'waiting' || wave.state === 'failed') continue;
      const members = this.members(wave);
      const breach = gateBreach(waveFigures(members, this.previous.gate), this.previous.gate, lastError(members));
      if (breach === null) continue;
      this.setWave({ ...wave, state: 'failed', finishedAt: this.now });
      return this.stop(`wave ${wave.index + 1}: ${breach}`);
    }
  }

  /** Offers the update to the wave in turn, and goes on to the next one when it has passed. */
  advance(): void {
    while (this.state === 'running') {
      const wave = this.waves.find((w) => w.state === 'active' || w.state === 'waiting');
      if (wave === undefined) return this.complete();
      this.offer(wave);
      this.settle(wave.index);
      const progress = this.progress(this.wave(wave.index));
      switch (progress.kind) {
        case 'waits':
          this.reason = progress.reason;
          return;
        case 'passes':
          this.endWave(wave.index, 'passed');
          break;
        case 'unreached':
          this.endWave(wave.index, 'unreached');
          break;
        case 'pauses':
          if (progress.empty) this.endWave(wave.index, 'unreached');
          this.state = transition(rolloutLifecycle, this.state, 'pause');
          this.reason = progress.reason;
          this.effects.push({ kind: 'audit', action: 'rollout.pause', reason: progress.reason });
          return;
        case 'ends':
          this.endWave(wave.index, 'unreached');
          this.state = transition(rolloutLifecycle, this.state, 'cancel');
          this.reason = progress.reason;
          this.effects.push({ kind: 'audit', action: 'rollout.cancel', reason: progress.reason });
          return this.end();
      }
    }
  }

  /** A device that is away does not keep its group waiting: what it is to run is recorded, and it is told when it is back. */
  finishRevert(): void {
    if (this.state !== 'reverting') return;
    const timeoutMs = this.previous.gate.deviceTimeoutSeconds * 1000;
    const open = this.devices.filter((device) => device.state === 'reverting');
    const awaited = open.filter((device) => {
      const online = this.observed.devices.get(device.deviceId)?.online ?? false;
      return this.clock - (device.sinceClock ?? 0) < (online ? timeoutMs : Math.min(timeoutMs, awayMs));
    });
    if (awaited.length > 0) return;
    this.state = transition(rolloutLifecycle, this.state, 'finish-revert');
    this.finishedAt = this.now;
    if (open.length > 0) this.reason += `; ${devicesInWords(open.length)} had not gone back yet when it ended`;
  }

  private complete(): void {
    const behind = this.devices.filter(({ state }) => state === 'pending' || state === 'stalled').length;
    this.state = transition(rolloutLifecycle, this.state, 'complete');
    this.reason =
      behind > 0 ? `${devicesInWords(behind)} had not been updated when it ended, and will be on coming back` : '';
    this.finishedAt = this.now;
  }

  private offer(wave: WaveSnapshot): void {
    if (wave.state === 'waiting') this.setWave({ ...wave, state: 'active', startedAt: this.now });
    this.eachDevice((device, seen) => {
      if (device.wave !== wave.index || device.state !== 'waiting') return device;
      this.effects.push({ kind: 'desire', deviceId: device.deviceId, digest: device.manifestDigest });
      const offered = moved(device, 'offer');
      return { ...offered, offeredAt: this.now, sinceClock: this.clock, previousDigest: seen?.fallbackDigest ?? null };
    });
  }

  /** Observation starts when nothing but observation is left to wait for. */
  private settle(index: number): void {
    const wave = this.wave(index);
    if (wave.settledClock !== null) return;
    const progress = this.progress({ ...wave, settledClock: this.clock });
    if (progress.kind === 'waits' && !progress.settled) return;
    this.setWave({ ...wave, settledAt: this.now, settledClock: this.clock });
  }

  private progress(wave: WaveSnapshot) {
    const { gate } = this.previous;
    const reached = this.devices.filter(({ state }) => state === 'updated' || state === 'failed');
    return waveProgress({
      wave,
      members: this.members(wave),
      gate,
      clock: this.clock,
      last: this.waves.every((other) => other.index <= wave.index),
      reachedElsewhere: reached.filter((device) => device.wave !== wave.index).length,
    });
  }

  /** A wave whose time for traffic is over gets as much again. */
  private waitForTrafficAgain(): void {
    const wave = this.waves.find((w) => w.state === 'active');
    if (wave === undefined || wave.settledClock === null) return;
    const over = this.clock - wave.settledClock >= this.previous.gate.trafficSeconds * 1000;
    if (over) this.setWave({ ...wave, settledClock: this.clock });
  }

  /** Stops and takes back every device that was offered the update, whatever has become of it. */
  private stop(reason: string): void {
    this.state = transition(rolloutLifecycle, this.state, 'stop');
    this.reason = reason;
    this.effects.push({ kind: 'audit', action: 'rollout.stop', reason });
    this.waves = this.waves.map((w) => (w.state === 'active' ? { ...w, state: 'failed', finishedAt: this.now } : w));
    this.eachDevice((device, seen) => {
      if (device.state === 'skipped' || device.state === 'reverted') return device;
      if (device.state === 'waiting') return moved(device, 'skip');
      if (device.state === 'failed' && (seen?.revoked || seen?.superseded)) return device;
      const gone = seen === undefined ? null : seen.revoked ? 'REVOKED' : reasonToLeave(device, seen, true);
      if (gone !== null) return leave(device, gone);
      // A failed device was told already to keep what it had.
      if (device.state !== 'failed') this.effects.push(takeBack(device));
      return { ...moved(device, 'revert'), revertingAt: this.now, sinceClock: this.clock };
    });
  }

  /** Devices that have begun the update go on with it; an offer that nobody has taken up is withdrawn. */
  private end(): void {
    this.finishedAt = this.now;
    this.waves = this.waves.map((w) => (w.state === 'active' ? { ...w, finishedAt: this.now } : w));
    this.eachDevice((device, seen) => {
      if (device.state === 'waiting') return moved(device, 'skip');
      if (device.state !== 'offered' && device.state !== 'pending') return device;
      if (!seen?.superseded) this.effects.push(takeBack(device));
      return moved(device, 'skip');
    });
  }

  private endWave(index: number, state: 'passed' | 'unreached'): void {
    this.setWave({ ...this.wave(index), state, finishedAt: this.now });
  }

  private eachDevice(
    change: (device: RolloutDeviceSnapshot, seen: DeviceObservation | undefined) => RolloutDeviceSnapshot,
  ): void {
    this.devices = this.devices.map((device) => change(device, this.observed.devices.get(device.deviceId)));
  }

  private members(wave: WaveSnapshot): WaveMember[] {
    return this.devices
      .filter((device) => device.wave === wave.index)
      .map((device) => ({ device, seen: this.observed.devices.get(device.deviceId) }));
  }

  private wave(index: number): WaveSnapshot {
    return this.waves.find((w) => w.index === index)!;
  }

  private setWave(wave: WaveSnapshot): void {
    this.waves = this.waves.map((w) => (w.index === wave.index ? wave : w));
  }
}

function lastError(members: readonly WaveMember[]): string | null {
  const error = members.findLast(({ device }) => device.state === 'failed')?.device.error;
  return error ? `${error.code}: ${error.message}` : null;
}
