/**
 * Lifecycles as literal tables. An event that the table does not list for a state is an error that names both.
 */
export type Transitions<State extends string, Event extends string> = {
  readonly [S in State]: { readonly [E in Event]?: State };
};

export class LifecycleError extends Error {
  readonly code = 'LIFECYCLE_EVENT_NOT_ALLOWED';
  constructor(
    readonly noun: string,
    readonly state: string,
    readonly event: string,
    allowed: readonly string[],
  ) {
    super(
      `a ${noun} that is ${state} cannot ${event}; ` +
        (allowed.length > 0 ? `it can ${allowed.join(', ')}` : `${state} is final`),
    );
    this.name = 'LifecycleError';
  }
}

export interface Lifecycle<State extends string, Event extends string> {
  readonly noun: string;
  readonly initial: State;
  readonly table: Transitions<State, Event>;
}

/** The next state, or a `LifecycleError`. */
export function transition<S extends string, E extends string>(lifecycle: Lifecycle<S, E>, state: S, event: E): S {
  const row = lifecycle.table[state];
  const next = row[event];
  if (next === undefined) throw new LifecycleError(lifecycle.noun, state, event, Object.keys(row));
  return next;
}

/** Whether no event leads out of the state. */
export function isFinal<S extends string, E extends string>(lifecycle: Lifecycle<S, E>, state: S): boolean {
  return Object.keys(lifecycle.table[state]).length === 0;
}

/** Trainings, compressions and evaluations: work in the job queue. */
export type JobState = 'queued' | 'running' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled';
export type JobEvent = 'start' | 'requeue' | 'cancel' | 'succeed' | 'fail' | 'acknowledge-cancel';
export const jobLifecycle: Lifecycle<JobState, JobEvent> = {
  noun: 'job',
  initial: 'queued',
  table: {
    queued: {
      start: 'running',
      cancel: 'cancelling',
      'acknowledge-cancel': 'cancelled',
      succeed: 'succeeded',
      fail: 'failed',
    },
    running: {
      start: 'running',
      requeue: 'queued',
      cancel: 'cancelling',
      succeed: 'succeeded',
      fail: 'failed',
      'acknowledge-cancel': 'cancelled',
    },
    // A job that finishes while its cancellation travels has succeeded: its result is kept.
    cancelling: {
      start: 'cancelling',
      requeue: 'cancelling',
      cancel: 'cancelling',
      'acknowledge-cancel': 'cancelled',
      succeed: 'succeeded',
      fail: 'failed',
    },
    succeeded: {},
    failed: {},
    cancelled: {},
  },
};

/** A rollout of one release to a group of devices, wave by wave. */
export type RolloutState = 'running' | 'paused' | 'reverting' | 'succeeded' | 'reverted' | 'cancelled';
export type RolloutEvent = 'pause' | 'resume' | 'cancel' | 'stop' | 'complete' | 'finish-revert';
export const rolloutLifecycle: Lifecycle<RolloutState, RolloutEvent> = {
  noun: 'rollout',
  initial: 'running',
  table: {
    running: { pause: 'paused', cancel: 'cancelled', stop: 'reverting', complete: 'succeeded' },
    paused: { resume: 'running', cancel: 'cancelled', stop: 'reverting' },
    reverting: { 'finish-revert': 'reverted' },
    succeeded: {},
    reverted: {},
    cancelled: {},
  },
};

/**
 * One device within a rollout. `pending`: it was offered the update and has not been reached yet. `stalled`: it began the
 * update and has made no progress since. Neither has said that anything is wrong, so neither is a failure.
 */
export type RolloutDeviceState =
  | 'waiting'
  | 'offered'
  | 'pending'
  | 'updating'
  | 'stalled'
  | 'updated'
  | 'failed'
  | 'reverting'
  | 'reverted'
  | 'skipped';
export type RolloutDeviceEvent =
  'offer' | 'miss' | 'begin' | 'stall' | 'activate' | 'fail' | 'revert' | 'confirm-revert' | 'skip';
export const rolloutDeviceLifecycle: Lifecycle<RolloutDeviceState, RolloutDeviceEvent> = {
  noun: 'device in a rollout',
  initial: 'waiting',
  table: {
    waiting: { offer: 'offered', skip: 'skipped' },
    offered: {
      miss: 'pending',
      begin: 'updating',
      activate: 'updated',
      fail: 'failed',
      revert: 'reverting',
      skip: 'skipped',
    },
    pending: { begin: 'updating', activate: 'updated', fail: 'failed', revert: 'reverting', skip: 'skipped' },
    updating: {
      begin: 'updating',
      stall: 'stalled',
      activate: 'updated',
      fail: 'failed',
      revert: 'reverting',
      skip: 'skipped',
    },
    stalled: { begin: 'updating', activate: 'updated', fail: 'failed', revert: 'reverting', skip: 'skipped' },
    updated: { activate: 'updated', fail: 'failed', revert: 'reverting', skip: 'skipped' },
    failed: { fail: 'failed', revert: 'reverting' },
    reverting: {
      begin: 'reverting',
      activate: 'reverting',
      fail: 'reverting',
      revert: 'reverting',
      'confirm-revert': 'reverted',
      skip: 'skipped',
    },
    reverted: {},
    skipped: {},
  },
};

/** What an agent does with a desired artifact, from hearing of it to serving it. */
export type UpdateState =
  | 'idle'
  | 'checking'
  | 'downloading'
  | 'installing'
  | 'self-testing'
  | 'activating'
  | 'committed'
  | 'reverting'
  | 'failed';
export type UpdateEvent =
  | 'desire'
  | 'verified'
  | 'downloaded'
  | 'installed'
  | 'self-test-passed'
  | 'activated'
  | 'refuse'
  | 'reverted'
  | 'settle';
export const updateLifecycle: Lifecycle<UpdateState, UpdateEvent> = {
  noun: 'update',
  initial: 'idle',
  table: {
    idle: { desire: 'checking' },
    /** Both TUF repositories are refreshed and asked for the target. */
    checking: { desire: 'checking', verified: 'downloading', refuse: 'failed' },
    downloading: { desire: 'checking', downloaded: 'installing', refuse: 'failed' },
    /** Digests are verified and the spare slot is written. */
    installing: { installed: 'self-testing', refuse: 'failed' },
    'self-testing': { 'self-test-passed': 'activating', refuse: 'failed' },
    /** Requests move to the new model; the old one is drained. */
    activating: { activated: 'committed', refuse: 'reverting' },
    committed: { settle: 'idle', refuse: 'reverting' },
    reverting: { reverted: 'failed' },
    failed: { settle: 'idle', desire: 'checking' },
  },
};

/** A device as the control plane knows it. */
export type DeviceState = 'active' | 'revoked';
