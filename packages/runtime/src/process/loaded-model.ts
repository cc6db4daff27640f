/** A model in its child process, with a queue in front of it. */
import { resolve } from 'node:path';
import type { EdgeChange, SessionOptions, Tensor } from '@verge/onnx';
import { openCarried } from '../carried-model.js';
import { RuntimeError, messageOf } from '../errors.js';
import { checkFeeds, checkOutputs } from '../feeds.js';
import type { Port } from '../loaded-session.js';
import type { ModelSource } from '../model-source.js';
import { ChildConnection, type Exit } from './connection.js';
import { packTensors, unpackTensors, type TensorHead } from './tensors.js';

export interface LoadOptions extends SessionOptions {
  /** Runs on synthetic input before the model takes requests; 2 unless told otherwise. */
  warmupRuns?: number;
  /** Time for starting, loading and warming up; 60 s unless told otherwise. */
  startTimeoutMs?: number;
}

/** The outputs of one request, with the times that it took. */
export interface InferenceResult {
  outputs: Record<string, Tensor>;
  /** The tag of the model that answered. */
  tag: string;
  /** Inside the child: from the feeds to the outputs. */
  runMs: number;
  /** Waiting in front of the child and on the way. */
  queueMs: number;
}

export interface TimedRuns {
  /** Milliseconds of each run. */
  times: number[];
  /** Processor time of the child while they ran, of all its threads together. */
  cpuMs: number;
}

export interface QueuedRequest {
  feeds: Readonly<Record<string, Tensor>>;
  outputs: readonly string[] | undefined;
  enqueuedAt: number;
  /** When its run began, as far as that is seen from here. */
  startedAt?: number;
  resolve: (result: InferenceResult) => void;
  reject: (error: unknown) => void;
  /** True once the caller has been answered (timeout, abort): the request need not run any more. */
  settled: boolean;
}

/** Requests handed to the child at once: one runs, one waits at the door; the rest can still move to another child. */
const window = 2;

export class LoadedModel {
  readonly tag: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly baselineRssBytes: number;
  /** Why the warm-up did not run, or null when it did. */
  readonly warmUpProblem: string | null;
  readonly #connection: ChildConnection;
  #changes: readonly EdgeChange[] = [];
  #queue: QueuedRequest[] = [];
  readonly #sent = new Set<QueuedRequest>();
  #idle: (() => void)[] = [];
  #crashVictim = false;

  private constructor(connection: ChildConnection, tag: string, header: Record<string, unknown>) {
    this.#connection = connection;
    this.tag = tag;
    this.inputs = header.inputs as Port[];
    this.outputs = header.outputs as Port[];
    this.baselineRssBytes = header.baselineRssBytes as number;
    this.warmUpProblem = header.warmUpProblem as string | null;
  }

  /**
   * What the binding has no form for at the model's edges is given in another one (`changes`).
   * @throws RuntimeError `model-refused`, `start-failed` or `timeout`; no process is left behind.
   */
  static async load(model: ModelSource, tag: string, options: LoadOptions = {}): Promise<LoadedModel> {
    const { opened, changes } = await openCarried(
      model,
      (source, more) => LoadedModel.#loadExactly(source, tag, { ...options, ...more }),
      (loaded) => loaded.drainAndClose(0),
    );
    opened.#changes = changes;
    return opened;
  }

  static async #loadExactly(model: ModelSource, tag: string, options: LoadOptions): Promise<LoadedModel> {
    const connection = new ChildConnection();
    const { threads, optimization, externalFolder, externalData = new Map<string, Uint8Array>() } = options;
    const limit = options.startTimeoutMs ?? 60_000;
    const file = typeof model === 'string';
    let timer: NodeJS.Timeout | undefined;
    try {
      const answer = await Promise.race([
        connection.request(
          {
            ...{ kind: 'load', options: { threads, optimization, externalFolder }, warmup: options.warmupRuns ?? 2 },
            ...{ external: [...externalData.keys()], ...(file && { path: resolve(model) }) },
          },
          [...(file ? [] : [model]), ...externalData.values()],
        ),
        new Promise<never>((_, reject) => {
          timer = setTimeout(
            () => reject(new RuntimeError('timeout', `the model was not ready after ${limit} ms`)),
            limit,
          );
        }),
      ]);
      return new LoadedModel(connection, tag, answer.header);
    } catch (error) {
      connection.kill();
      await connection.exited;
      if (error instanceof RuntimeError && error.code !== 'crashed') throw error;
      throw new RuntimeError('start-failed', `the model could not be loaded: ${messageOf(error)}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** What was changed at the model's edges so that its inputs and outputs can be handed over; mostly nothing. */
  get changes(): readonly EdgeChange[] {
    return this.#changes;
  }

  get pid(): number | undefined {
    return this.#connection.pid;
  }

  get exited(): Promise<Exit> {
    return this.#connection.exited;
  }

  /** Calls the listener when the process has ended and its requests have failed or come back to the queue. */
  onExit(listener: (exit: Exit) => void): void {
    this.#connection.onExit(listener);
  }

  get alive(): boolean {
    return this.#connection.alive;
  }

  /** Requests waiting or running. */
  get load(): number {
    return this.#queue.length + this.#sent.size;
  }

  /** @throws RuntimeError `bad-feed` or `bad-output`, before anything is queued. */
  check(feeds: Readonly<Record<string, Tensor>>, outputs: readonly string[] | undefined): void {
    checkFeeds(this.inputs, feeds);
    checkOutputs(
      this.outputs.map((port) => port.name),
      outputs,
    );
  }

  /** One run behind what is queued. @throws RuntimeError `bad-feed`, `run-failed`, `crashed` */
  run(feeds: Readonly<Record<string, Tensor>>, outputs?: readonly string[]): Promise<InferenceResult> {
    return new Promise((resolve, reject) => {
      if (!this.alive) throw new RuntimeError('crashed', 'the process of the model has ended');
      this.check(feeds, outputs);
      this.enqueue({ feeds, outputs, enqueuedAt: performance.now(), resolve, reject, settled: false });
    });
  }

  enqueue(request: QueuedRequest): void {
    this.#queue.push(request);
    this.#pump();
  }

  /** Takes back what was not yet handed to the child. */
  takeQueued(): QueuedRequest[] {
    const taken = this.#queue;
    this.#queue = [];
    return taken;
  }

  /** How long a request has been running, or null when it is not. The one behind it at the child waits at the door. */
  runningMs(request: QueuedRequest): number | null {
    const [oldest] = this.#sent;
    return oldest === request && request.startedAt !== undefined ? performance.now() - request.startedAt : null;
  }

  async stats(): Promise<{ rssBytes: number; peakRssBytes: number; runs: number }> {
    const { header } = await this.#connection.request({ kind: 'stats' });
    return {
      rssBytes: header.rssBytes as number,
      peakRssBytes: header.peakRssBytes as number,
      runs: header.runs as number,
    };
  }

  /** Runs on the same feeds inside the child, `runs` times and for `minMs` at least. */
  async benchmark(
    feeds: Readonly<Record<string, Tensor>>,
    runs: number,
    warmup: number,
    minMs: number,
  ): Promise<TimedRuns> {
    const { heads, blobs } = packTensors(feeds);
    const { header } = await this.#connection.request({ kind: 'benchmark', feeds: heads, runs, warmup, minMs }, blobs);
    return { times: header.times as number[], cpuMs: header.cpuMs as number };
  }

  kill(): void {
    this.#connection.kill();
  }

  /** Answers what is queued, at most for `drainMs`, then ends the process. */
  async drainAndClose(drainMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    if (this.load > 0 && this.alive) {
      const idle = new Promise<void>((resolve) => this.#idle.push(resolve));
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, drainMs)));
      await Promise.race([idle, late, this.exited]);
      clearTimeout(timer);
    }
    for (const request of this.takeQueued())
      request.reject(new RuntimeError('closed', 'the model was closed before the request ran'));
    if (this.#sent.size > 0) this.kill();
    await this.#connection.close();
  }

  #pump(): void {
    while (this.#sent.size < window && this.alive) {
      const request = this.#queue.shift();
      if (!request) break;
      if (!request.settled) this.#send(request).catch((error: unknown) => request.reject(error));
    }
    if (this.load === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #send(request: QueuedRequest): Promise<void> {
    this.#sent.add(request);
    if (this.#sent.size === 1) request.startedAt = performance.now();
    try {
      const { heads, blobs } = packTensors(request.feeds);
      const answer = await this.#connection.request({ kind: 'run', feeds: heads, outputs: request.outputs }, blobs);
      const runMs = answer.header.runMs as number;
      request.resolve({
        outputs: unpackTensors(answer.header.tensors as TensorHead[], answer.blobs),
        tag: this.tag,
        runMs,
        queueMs: Math.max(0, performance.now() - request.enqueuedAt - runMs),
      });
    } catch (error) {
      // Of the requests at a crashed child only the oldest was running; the one behind it may run elsewhere.
      const crashed = error instanceof RuntimeError && error.code === 'crashed';
      if (crashed && this.#crashVictim) this.#queue.unshift(request);
      else request.reject(error);
      if (crashed) this.#crashVictim = true;
    } finally {
      this.#sent.delete(request);
      const [next] = this.#sent;
      if (next) next.startedAt ??= performance.now();
      this.#pump();
    }
  }
}
