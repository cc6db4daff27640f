/** Drives the update: decide (pure), save, act, save. Whatever ends the process, the next one goes on from what is saved. */
import { transition, updateLifecycle, type AgentErrorCode, type UpdateEvent, type UpdateState } from '@verge/contracts';
import type { DesiredStateReceived } from '@verge/contracts/grpc';
import { RuntimeError } from '@verge/runtime';
import { backoffMs, Bell } from '../backoff.js';
import { AgentError, reasonOf } from '../errors.js';
import type { SlotName } from '../layout.js';
import { readSlot, type Artifact } from './artifact.js';
import { decide, type Probation } from './decide.js';
import { killPoint } from './kill-point.js';
import { stopOf } from './refusal.js';
import { adopt, clearSlot, clearSpare } from './patches.js';
import { SavedState, type Patch } from './saved-state.js';
import { markServed, rebuildState } from './served.js';
import { activeDigest, loadState, Target, type AgentState } from './state.js';
import { steps, testArtifact, type Step, type StepContext, type StepState } from './steps.js';

export interface UpdaterOptions {
  context: StepContext;
  probation: Probation;
  killAt: string | null;
  /** After every change that the control plane should hear of. */
  onChange: () => void;
}

/** Times that a step which ended the whole process is begun again. */
const maxAttempts = 5;
/** Times that a download is tried while the control plane answers but does not deliver. */
const maxTries = 5;

/** While the slot that does not serve is written or has not proved itself, there is no other model to fall back to. */
const writing: readonly UpdateState[] = ['installing', 'self-testing', 'activating'];

export class Updater {
  private readonly saved: SavedState;
  private readonly bell = new Bell();
  private stopped = false;
  private running: Promise<void> = Promise.resolve();
  private stepAbort: AbortController | null = null;
  private tries = 0;
  private failures = 0;

  private constructor(
    private readonly options: UpdaterOptions,
    state: AgentState,
  ) {
    const { layout, health } = options.context;
    this.saved = new SavedState(layout.state, state, health, options.onChange);
  }

  /** A state that cannot be read is made anew from what the slots hold. */
  static async open(options: UpdaterOptions): Promise<Updater> {
    const { layout, deviceClass, threads, health, log } = options.context;
    const { value, problem } = await loadState(layout.state);
    if (problem !== null) health.report('state', problem);
    const test = (artifact: Artifact): Promise<unknown> => testArtifact(artifact, threads);
    if (value) return new Updater(options, value);
    const rebuilt = await rebuildState(layout, deviceClass, test);
    if (rebuilt.active !== null) log.warn({ slots: rebuilt.slots, active: rebuilt.active }, 'the state was made anew');
    return new Updater(options, rebuilt);
  }

  get state(): AgentState {
    return this.saved.now;
  }
  get progress(): { bytes: number; total: number } {
    return this.options.context.progress;
  }

  /** Packed forms that were refused since the agent began. */
  get refusedPacked(): number {
    return this.options.context.store.refusedPacked;
  }

  /** Serves what is installed, then follows the desired state. */
  start(): void {
    const { log } = this.options.context;
    this.running = this.boot()
      .catch((error: unknown) => log.error({ err: reasonOf(error) }, 'the installed model was not looked for'))
      .then(() => this.loop());
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.stepAbort?.abort();
    this.bell.ring();
    await this.running;
  }

  /** The control plane says what it wishes. A wish that cannot be read is refused whole, and what runs goes on. */
  async hear(desired: DesiredStateReceived): Promise<void> {
    const { log } = this.options.context;
    const target = desired.target ? Target.safeParse(desired.target) : null;
    if (target && !target.success) {
      log.error({ generation: desired.generation, err: target.error.message }, 'the desired state cannot be read');
      return;
    }
    const next = {
      generation: desired.generation,
      target: target?.data ?? null,
      reportIntervalSeconds: desired.reportIntervalSeconds,
      ...(target === null && desired.serveNothing && { nothing: true as const }),
    };
    if (JSON.stringify(next) === JSON.stringify(this.state.desired)) return;
    log.info({ generation: next.generation, target: next.target?.path ?? null }, 'desired state');
    await this.saved.remember((state) => ({ ...state, desired: next }));
    if (next.generation !== this.state.update.generation) this.stepAbort?.abort();
    this.failures = 0;
    this.bell.ring();
  }

  /** The control plane can be reached again: do not wait out the back-off. */
  nudge(): void {
    this.failures = 0;
    this.bell.ring();
  }

  /** The serving process of an artifact ended unasked. */
  async crashed(digest: string): Promise<void> {
    const { update } = this.state;
    // Requests have moved to the new model a moment before the activation is on disk.
    const watched = update.state === 'activating' || update.state === 'committed';
    if (!watched || update.target?.manifestDigest !== digest) return;
    await this.saved.remember((state) => ({
      ...state,
      update: { ...state.update, crashes: state.update.crashes + 1 },
    }));
    this.bell.ring();
  }

  /** Saves what a failing disk did not take, or what was damaged on it since. */
  mend(): Promise<void> {
    return this.saved.mend();
  }

  /** Moves along the lifecycle and saves; the patch says what else is true then. */
  private async apply(event: UpdateEvent, patch: Patch = (state) => state, change = this.saved.save): Promise<void> {
    const before = this.state.update.state;
    const after = transition(updateLifecycle, before, event);
    await change((state) => {
      const patched = patch(state);
      return { ...patched, update: { ...patched.update, state: after, attempts: after in steps ? 1 : 0 } };
    });
    this.tries = 0;
    const { target, generation, error } = this.state.update;
    this.options.context.log.info(
      { from: before, to: after, event, target: target?.path, generation, ...error },
      'update',
    );
    killPoint(this.options.killAt, `entered:${after}`);
  }

  private async boot(): Promise<void> {
    const { update } = this.state;
    if (update.state in steps) {
      await this.saved.remember((state) => ({
        ...state,
        update: { ...state.update, attempts: state.update.attempts + 1 },
      }));
    } else if (this.state.active !== null) await this.mend();
    // The step itself brings the old model back.
    if (update.state === 'reverting') return;
    for (let failures = 0; this.state.active !== null && !this.stopped; failures++) {
      const slot = this.state.active;
      try {
        await this.serve(slot);
        if (update.state === 'idle' || update.state === 'failed') await this.markGood();
        return;
      } catch (error) {
        this.options.context.log.error({ slot, err: reasonOf(error) }, 'the installed model does not serve');
        const other: SlotName = slot === 'a' ? 'b' : 'a';
        const damaged = !(error instanceof RuntimeError) || error.code === 'model-refused';
        if (update.state === 'committed' && (damaged || failures >= 3))
          return this.fail('ACTIVATION_FAILED', reasonOf(error));
        const canSwitch = this.state.slots[other] !== null && !writing.includes(update.state);
        if (damaged || (failures >= 3 && canSwitch)) {
          await this.saved.remember((state) => ({
            ...state,
            active: canSwitch ? other : null,
            previous: null,
            slots: damaged ? { ...state.slots, [slot]: null } : state.slots,
          }));
        } else await this.bell.wait(backoffMs(failures, Math.random()));
      }
    }
  }

  private async serve(slot: SlotName): Promise<void> {
    const { layout, serving, deviceClass, log } = this.options.context;
    const digest = this.state.slots[slot];
    if (digest === null) throw new AgentError('DIGEST_MISMATCH', `slot ${slot} is empty`);
    await serving.activate(await readSlot(layout.slot(slot), digest, deviceClass));
    log.info({ slot, digest }, 'serving');
    this.options.onChange();
  }

  /** The active model has proved itself: found again when the state is lost. */
  private async markGood(): Promise<void> {
    const { layout, health } = this.options.context;
    const { active } = this.state;
    const digest = activeDigest(this.state);
    if (active !== null && digest !== null) await health.attempt('slots', () => markServed(layout, active, digest));
  }

  private async loop(): Promise<void> {
    while (!this.stopped) {
      try {
        await this.turn();
      } catch (error) {
        // Saving failed: nothing was done that is not on disk.
        this.options.context.log.error({ err: reasonOf(error) }, 'the update cannot go on now');
        await this.bell.wait(1000 + backoffMs(this.failures++, Math.random()));
      }
    }
  }

  private async turn(): Promise<void> {
    const { context, probation } = this.options;
    const action = decide(this.state, context.now(), probation);
    switch (action.do) {
      case 'wait':
        return this.bell.wait(action.untilMs === null ? undefined : action.untilMs - context.now());
      case 'step':
        return this.step(this.state.update.state as StepState);
      case 'adopt':
        return this.saved.save(adopt);
      case 'settle':
        if (this.state.update.state === 'committed') await this.markGood();
        return this.apply('settle', (state) => adopt({ ...state, update: { ...state.update, error: null } }));
      case 'desire':
        return this.desire();
      case 'unload':
        return this.unload();
      case 'withdraw':
        return this.apply('refuse', clearSlot);
      case 'revert': {
        const { crashes } = this.state.update;
        return this.fail('ACTIVATION_FAILED', `the inference process crashed ${crashes} times within the probation`);
      }
    }
  }

  private async desire(): Promise<void> {
    Object.assign(this.progress, { bytes: 0, total: 0 });
    await this.apply('desire', (state) => ({
      ...state,
      update: {
        ...state.update,
        generation: state.desired.generation,
        target: state.desired.target,
        manifestBytes: null,
        slot: null,
        error: null,
        committedAt: null,
        crashes: 0,
      },
    }));
  }

  /** A report never says that nothing serves before that is so; whoever is ended in between does it again. */
  private async unload(): Promise<void> {
    const { serving, log } = this.options.context;
    await serving.deactivate();
    log.info({ digest: activeDigest(this.state) }, 'nothing is to serve');
    await this.saved.remember((state) => adopt({ ...state, active: null, previous: null }));
  }

  private async step(name: StepState): Promise<void> {
    const { context, killAt } = this.options;
    const step = steps[name];
    const repeated = this.state.update.attempts > maxAttempts;
    if (repeated && name !== 'checking' && name !== 'downloading' && name !== 'reverting') {
      return this.fail('INTERNAL', `the step ${name} ended the agent ${maxAttempts} times`);
    }
    const abort = (this.stepAbort = new AbortController());
    if (name === 'installing') await this.saved.save(clearSpare);
    try {
      const patch = await step.act(context, this.state, abort.signal);
      killPoint(killAt, `acted:${name}`);
      // The old model is back already, whatever the disk takes.
      await this.apply(step.done, patch, name === 'reverting' ? this.saved.remember : this.saved.save);
      this.failures = 0;
    } catch (error) {
      await this.stepFailed(step, error, abort.signal.aborted);
    } finally {
      this.stepAbort = null;
    }
  }

  private async stepFailed(step: Step, error: unknown, aborted: boolean): Promise<void> {
    // A newer wish, or the agent stops: the state says where to go on.
    if (aborted) return;
    const { log } = this.options.context;
    const stop = stopOf(error, step.code);
    if (stop.kind === 'refuse' || (stop.kind === 'try-again' && ++this.tries >= maxTries)) {
      return this.fail(stop.code, stop.message);
    }
    log.warn({ state: this.state.update.state, err: stop.message }, 'the update waits and tries again');
    await this.bell.wait(backoffMs(this.failures++, Math.random()));
  }

  private async fail(code: AgentErrorCode, message: string): Promise<void> {
    const reverting = transition(updateLifecycle, this.state.update.state, 'refuse') === 'reverting';
    const patch: Patch = (state) => {
      const patched = reverting ? state : clearSlot(state);
      return { ...patched, update: { ...patched.update, error: { code, message } } };
    };
    // The way back to the old model is open also while the disk takes nothing.
    await this.apply('refuse', patch, reverting ? this.saved.remember : this.saved.save);
  }
}
