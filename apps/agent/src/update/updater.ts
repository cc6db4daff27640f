/** Drives the update: decide (pure), save, act, save. Whatever ends the process, the next one goes on from what is saved. */
import { transition, updateLifecycle, type AgentErrorCode, type UpdateEvent } from '@verge/contracts';
import type { DesiredStateReceived } from '@verge/contracts/grpc';
import { RuntimeError } from '@verge/runtime';
import { backoffMs, Bell } from '../backoff.js';
import { AgentError, reasonOf } from '../errors.js';
import type { SlotName } from '../layout.js';
import { readSlot } from './artifact.js';
import { decide, type Probation } from './decide.js';
import { killPoint } from './kill-point.js';
import { stopOf } from './refusal.js';
import { activeDigest, loadState, saveState, Target, type AgentState } from './state.js';
import { steps, type Patch, type Step, type StepContext, type StepState } from './steps.js';

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

export class Updater {
  private current: AgentState;
  private queue: Promise<unknown> = Promise.resolve();
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
    this.current = state;
  }

  /** @throws AgentError `STATE_DAMAGED` */
  static async open(options: UpdaterOptions): Promise<Updater> {
    return new Updater(options, await loadState(options.context.layout.state));
  }

  get state(): AgentState {
    return this.current;
  }
  get progress(): { bytes: number; total: number } {
    return this.options.context.progress;
  }

  /** Serves what is installed, then follows the desired state. */
  start(): void {
    this.running = this.boot().then(() => this.loop());
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
    if (JSON.stringify(next) === JSON.stringify(this.current.desired)) return;
    log.info({ generation: next.generation, target: next.target?.path ?? null }, 'desired state');
    await this.save((state) => ({ ...state, desired: next }));
    if (next.generation !== this.current.update.generation) this.stepAbort?.abort();
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
    const { update } = this.current;
    // Requests have moved to the new model a moment before the activation is on disk.
    const watched = update.state === 'activating' || update.state === 'committed';
    if (!watched || update.target?.manifestDigest !== digest) return;
    await this.save((state) => ({ ...state, update: { ...state.update, crashes: state.update.crashes + 1 } }));
    this.bell.ring();
  }

  private save(patch: Patch): Promise<void> {
    const turn = this.queue.then(async () => {
      const next = patch(this.current);
      await saveState(this.options.context.layout.state, next);
      this.current = next;
      this.options.onChange();
    });
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  /** Moves along the lifecycle and saves; the patch says what else is true then. */
  private async apply(event: UpdateEvent, patch: Patch = (state) => state): Promise<void> {
    const before = this.current.update.state;
    const after = transition(updateLifecycle, before, event);
    await this.save((state) => {
      const patched = patch(state);
      return { ...patched, update: { ...patched.update, state: after, attempts: after in steps ? 1 : 0 } };
    });
    this.tries = 0;
    const { target, generation, error } = this.current.update;
    this.options.context.log.info(
      { from: before, to: after, event, target: target?.path, generation, ...error },
      'update',
    );
    killPoint(this.options.killAt, `entered:${after}`);
  }

  private async boot(): Promise<void> {
    const { update } = this.current;
    if (update.state in steps) {
      await this.save((state) => ({ ...state, update: { ...state.update, attempts: state.update.attempts + 1 } }));
    }
    // The step itself brings the old model back.
    if (update.state === 'reverting') return;
    for (let failures = 0; this.current.active !== null && !this.stopped; failures++) {
      const slot = this.current.active;
      try {
        await this.serve(slot);
        return;
      } catch (error) {
        this.options.context.log.error({ slot, err: reasonOf(error) }, 'the installed model does not serve');
        const other: SlotName = slot === 'a' ? 'b' : 'a';
        const damaged = !(error instanceof RuntimeError) || error.code === 'model-refused';
        if (update.state === 'committed' && (damaged || failures >= 3))
          return this.fail('ACTIVATION_FAILED', reasonOf(error));
        const canSwitch = this.current.slots[other] !== null && !(update.state in steps);
        if (damaged || (failures >= 3 && canSwitch)) {
          await this.save((state) => ({
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
    const digest = this.current.slots[slot];
    if (digest === null) throw new AgentError('DIGEST_MISMATCH', `slot ${slot} is empty`);
    await serving.activate(await readSlot(layout.slot(slot), digest, deviceClass));
    log.info({ slot, digest }, 'serving');
    this.options.onChange();
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
    const action = decide(this.current, context.now(), probation);
    switch (action.do) {
      case 'wait':
        return this.bell.wait(action.untilMs === null ? undefined : action.untilMs - context.now());
      case 'step':
        return this.step(this.current.update.state as StepState);
      case 'adopt':
        return this.save(adopt);
      case 'settle':
        return this.apply('settle', (state) => adopt({ ...state, update: { ...state.update, error: null } }));
      case 'desire':
        return this.desire();
      case 'unload':
        return this.unload();
      case 'withdraw':
        return this.apply('refuse', clearSlot);
      case 'revert': {
        const { crashes } = this.current.update;
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
    log.info({ digest: activeDigest(this.current) }, 'nothing is to serve');
    await this.save((state) => adopt({ ...state, active: null, previous: null }));
  }

  private async step(name: StepState): Promise<void> {
    const { context, killAt } = this.options;
    const step = steps[name];
    const repeated = this.current.update.attempts > maxAttempts;
    if (repeated && name !== 'checking' && name !== 'downloading' && name !== 'reverting') {
      return this.fail('INTERNAL', `the step ${name} ended the agent ${maxAttempts} times`);
    }
    const abort = (this.stepAbort = new AbortController());
    if (name === 'installing') await this.save(clearSpare);
    try {
      const patch = await step.act(context, this.current, abort.signal);
      killPoint(killAt, `acted:${name}`);
      await this.apply(step.done, patch);
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
    log.warn({ state: this.current.update.state, err: stop.message }, 'the update waits and tries again');
    await this.bell.wait(backoffMs(this.failures++, Math.random()));
  }

  private async fail(code: AgentErrorCode, message: string): Promise<void> {
    const reverting = transition(updateLifecycle, this.current.update.state, 'refuse') === 'reverting';
    await this.apply('refuse', (state) => {
      const patched = reverting ? state : clearSlot(state);
      return { ...patched, update: { ...patched.update, error: { code, message } } };
    });
  }
}

/** The same target under the newest generation. */
function adopt(state: AgentState): AgentState {
  const { generation, target } = state.desired;
  const known = [state.update.target?.manifestDigest, activeDigest(state)];
  const same = target !== null && known.includes(target.manifestDigest);
  return { ...state, update: { ...state.update, generation, ...(same && { target }) } };
}

/** What an update that is over has put into its slot is not to be believed. */
function clearSlot(state: AgentState): AgentState {
  const { slot } = state.update;
  return slot === null || slot === state.active ? state : { ...state, slots: { ...state.slots, [slot]: null } };
}

/** Before the spare slot is overwritten, unless it holds the target already. */
function clearSpare(state: AgentState): AgentState {
  const spare: SlotName = state.active === 'a' ? 'b' : 'a';
  if (state.slots[spare] === null || state.slots[spare] === state.update.target?.manifestDigest) return state;
  return { ...state, slots: { ...state.slots, [spare]: null } };
}
