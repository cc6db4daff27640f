/**
 * A model served outside the caller's event loop, in one child process that can be replaced while requests come in.
 */
import type { EdgeChange, Tensor } from '@verge/onnx';
import { messageOf, RuntimeError } from '../errors.js';
import type { Port } from '../loaded-session.js';
import type { ModelSource } from '../model-source.js';
import type { Exit } from './connection.js';
import { LoadedModel, type InferenceResult, type LoadOptions, type QueuedRequest } from './loaded-model.js';

export interface InferenceProcessOptions extends LoadOptions {
  /** Requests waiting or running before further ones are refused; 64 unless told otherwise. */
  maxInFlight?: number;
  /** Time for one request, waiting included; 30 s unless told otherwise. */
  timeoutMs?: number;
  /** Restarts allowed within a minute after crashes; 3 unless told otherwise. */
  maxRestartsPerMinute?: number;
  /** Called when the child ended unasked. */
  onCrash?: (exit: Exit, tag: string) => void;
}

export interface RunOptions {
  outputs?: readonly string[];
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** A model, or what gives it whenever a process is to load it: then nothing of it is kept in memory here. */
export type ModelGiver = ModelSource | (() => Promise<ModelSource>);

const given = (model: ModelGiver): ModelSource | Promise<ModelSource> =>
  typeof model === 'function' ? model() : model;

interface Source {
  model: ModelGiver;
  tag: string;
  options: LoadOptions;
}

export class InferenceProcess {
  readonly #options: InferenceProcessOptions;
  #source: Source;
  #current: LoadedModel;
  /** Set while a crashed child is being started again: what it could not take waits here. */
  #restarting: Promise<void> | undefined;
  #parked: QueuedRequest[] = [];
  #restarts: number[] = [];
  #dead: RuntimeError | undefined;
  #draining = new Set<LoadedModel>();

  private constructor(source: Source, current: LoadedModel, options: InferenceProcessOptions) {
    this.#source = source;
    this.#current = current;
    this.#options = options;
    this.#watch(current);
  }

  /**
   * Starts a child, loads the model and warms it up.
   * @param tag a name for the model (an artifact's digest), given back with every result
   * @throws RuntimeError `model-refused`, `start-failed` or `timeout`; what gives the model may throw too
   */
  static async start(model: ModelGiver, tag: string, options: InferenceProcessOptions = {}): Promise<InferenceProcess> {
    const current = await LoadedModel.load(await given(model), tag, options);
    return new InferenceProcess({ model, tag, options }, current, options);
  }

  get tag(): string {
    return this.#current.tag;
  }
  get inputs(): readonly Port[] {
    return this.#current.inputs;
  }
  get outputs(): readonly Port[] {
    return this.#current.outputs;
  }
  get pid(): number | undefined {
    return this.#current.pid;
  }
  /** What was changed at the model's edges so that its inputs and outputs can be handed over; mostly nothing. */
  get changes(): readonly EdgeChange[] {
    return this.#current.changes;
  }
  /** Why the warm-up on synthetic input did not run, or null when it did. */
  get warmUpProblem(): string | null {
    return this.#current.warmUpProblem;
  }
  /** Requests waiting or running. */
  get inFlight(): number {
    return this.#current.load + this.#parked.length;
  }
  /** False after `close`, or when the child crashed more often than allowed. */
  get serving(): boolean {
    return this.#dead === undefined;
  }

  /**
   * Runs the model once. Requests are answered in order. The feeds' memory is handed on without a copy: leave it unchanged
   * until the answer is there.
   * @throws RuntimeError `bad-feed`, `bad-output`, `overloaded` (too many wait, or no turn in time), `timeout` (the run itself
   * took too long), `crashed`, `run-failed` or `closed`
   */
  run(feeds: Readonly<Record<string, Tensor>>, options: RunOptions = {}): Promise<InferenceResult> {
    return new Promise((resolve, reject) => {
      if (this.#dead) throw this.#dead;
      options.signal?.throwIfAborted();
      const max = this.#options.maxInFlight ?? 64;
      if (this.inFlight >= max) throw new RuntimeError('overloaded', `${max} requests are in flight already`);
      this.#current.check(feeds, options.outputs);
      const request = this.#request(feeds, options, resolve, reject);
      if (this.#restarting) this.#parked.push(request);
      else this.#current.enqueue(request);
    });
  }

  /**
   * Puts another model in place: the new child is loaded and warmed up first, then takes all new requests, while the old one
   * answers what it had. When the new model cannot be loaded the old one goes on.
   */
  async replace(model: ModelGiver, tag: string, options: LoadOptions = this.#source.options): Promise<void> {
    if (this.#dead) throw this.#dead;
    const next = await LoadedModel.load(await given(model), tag, options);
    await this.#restarting;
    if (this.#dead) {
      await next.drainAndClose(0);
      throw this.#dead;
    }
    const old = this.#current;
    this.#source = { model, tag, options };
    this.#current = next;
    this.#watch(next);
    this.#draining.add(old);
    await old.drainAndClose(this.#options.timeoutMs ?? 30_000);
    this.#draining.delete(old);
  }

  /** Resident set of the child now and at its highest, and the runs it has answered. */
  async stats(): Promise<{ rssBytes: number; peakRssBytes: number; runs: number }> {
    await this.#restarting;
    return this.#current.stats();
  }

  /** Refuses new requests, answers the waiting ones for at most `drainMs`, ends the child. */
  async close(drainMs = 5000): Promise<void> {
    this.#dead ??= new RuntimeError('closed', 'the inference process was closed');
    await this.#restarting?.catch(() => undefined);
    await Promise.all([this.#current, ...this.#draining].map((model) => model.drainAndClose(drainMs)));
  }

  #request(
    feeds: Readonly<Record<string, Tensor>>,
    options: RunOptions,
    resolve: (result: InferenceResult) => void,
    reject: (error: unknown) => void,
  ): QueuedRequest {
    const { signal } = options;
    const limit = options.timeoutMs ?? this.#options.timeoutMs ?? 30_000;
    const abort = (): void => request.reject(signal?.reason);
    const timer = setTimeout(() => this.#late(request, limit), limit);
    const settle = (act: () => void): void => {
      if (request.settled) return;
      request.settled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      act();
    };
    const request: QueuedRequest = {
      feeds,
      outputs: options.outputs,
      enqueuedAt: performance.now(),
      settled: false,
      resolve: (result) => settle(() => resolve(result)),
      reject: (error) => settle(() => reject(error)),
    };
    signal?.addEventListener('abort', abort, { once: true });
    return request;
  }

  /**
   * The time of a request is over. Its run took too long when it ran for most of that time; else it had its turn too late,
   * which says nothing about the model.
   */
  #late(request: QueuedRequest, limit: number): void {
    const model = this.#current;
    const ranMs = model.runningMs(request);
    const hangs = ranMs !== null && ranMs >= limit / 2;
    const why = hangs ? `no answer within ${limit} ms` : `no turn in time within ${limit} ms`;
    request.reject(new RuntimeError(hangs ? 'timeout' : 'overloaded', why));
    // A run cannot be interrupted; a child that hangs in one is replaced so that the others get their answers.
    if (hangs) model.kill();
    else if (ranMs !== null) {
      const look = (): void => void (model.runningMs(request) !== null && model.kill());
      setTimeout(look, limit - ranMs).unref();
    }
  }

  #watch(model: LoadedModel): void {
    model.onExit((exit) => {
      // The requests at the child have failed or are back in its queue; now the queue moves.
      if (model !== this.#current || this.#dead) return;
      this.#parked.push(...model.takeQueued());
      this.#options.onCrash?.(exit, model.tag);
      this.#restarting = this.#restart().finally(() => (this.#restarting = undefined));
    });
  }

  async #restart(): Promise<void> {
    const now = Date.now();
    this.#restarts = [...this.#restarts.filter((at) => now - at < 60_000), now];
    const allowed = this.#options.maxRestartsPerMinute ?? 3;
    try {
      if (this.#restarts.length > allowed) {
        throw new RuntimeError(
          'crashed',
          `the inference process crashed ${this.#restarts.length} times within a minute`,
        );
      }
      const { model, tag, options } = this.#source;
      this.#current = await LoadedModel.load(await given(model), tag, options);
      this.#watch(this.#current);
      for (const request of this.#parked.splice(0)) this.#current.enqueue(request);
    } catch (error) {
      this.#dead ??=
        error instanceof RuntimeError
          ? error
          : new RuntimeError('crashed', `no restart: ${messageOf(error)}`, { cause: error });
      for (const request of this.#parked.splice(0)) request.reject(this.#dead);
    }
  }
}
