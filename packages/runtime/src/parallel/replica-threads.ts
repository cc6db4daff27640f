/** Replicas on the threads of this process, one each, over one shared memory. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ReplicaPool, ReplicaSpec, ReplicaStep, ReplicaStepResult, Tensor } from '@verge/onnx';
import { messageOf, RuntimeError } from '../errors.js';
import { ReplicaMemory, shapeOf } from './replica-memory.js';
import type { FromReplica, ReplicaData, ToReplica } from './replica-thread.js';

/** The built thread beside this file, or, when this file runs from source, in the package's dist folder. */
function threadPath(): string {
  const here = new URL('.', import.meta.url).href;
  const path = fileURLToPath(new URL('replica-thread.js', here.replace(/\/src\/parallel\/$/, '/dist/parallel/')));
  if (!existsSync(path)) throw new RuntimeError('start-failed', `'${path}' is missing; build @verge/runtime first`);
  return path;
}

/** A copy that can change hands: what a step is fed with may be a view into a larger batch. */
function owned(feeds: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() } as Tensor]),
  );
}

function buffersOf(feeds: readonly Readonly<Record<string, Tensor>>[]): ArrayBuffer[] {
  return feeds.flatMap((f) =>
    Object.values(f).flatMap(({ data }) =>
      'buffer' in data && data.buffer instanceof ArrayBuffer ? [data.buffer] : [],
    ),
  );
}

interface Waiting {
  resolve(): void;
  reject(error: RuntimeError): void;
}

/** One thread, asked for one thing at a time. */
class ReplicaThread {
  readonly #worker: Worker;
  #waiting: Waiting | undefined;
  #ended: RuntimeError | undefined;
  readonly exited: Promise<void>;

  constructor(program: string | URL, data: ReplicaData, onEnd: () => void) {
    this.#worker = new Worker(program, { workerData: data });
    const end = (error: RuntimeError): void => {
      this.#ended ??= error;
      onEnd();
      this.#waiting?.reject(this.#ended);
      this.#waiting = undefined;
    };
    this.#worker.on('message', (message: FromReplica) => {
      if (message.kind === 'failed') return end(new RuntimeError(message.code, message.message));
      this.#waiting?.resolve();
      this.#waiting = undefined;
    });
    this.#worker.on('error', (cause) =>
      end(new RuntimeError('crashed', `replica ${data.index} failed: ${messageOf(cause)}`, { cause })),
    );
    this.exited = new Promise((resolve) =>
      this.#worker.once('exit', (code) => {
        end(new RuntimeError('crashed', `replica ${data.index} ended with ${code}`));
        resolve();
      }),
    );
  }

  /** Resolves at the thread's next answer. */
  answer(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended) reject(this.#ended);
      else this.#waiting = { resolve, reject };
    });
  }

  send(message: ToReplica, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}

export interface ReplicaThreadsOptions {
  /** The program of the threads, where it is not the built one. */
  readonly program?: string | URL;
}

class ReplicaThreads implements ReplicaPool {
  readonly #spec: ReplicaSpec;
  readonly #memory: ReplicaMemory;
  readonly #threads: readonly ReplicaThread[];
  #dead: RuntimeError | undefined;

  constructor(spec: ReplicaSpec, program: string | URL) {
    this.#spec = spec;
    this.#memory = ReplicaMemory.allocate(shapeOf(spec));
    for (const { name, initial } of spec.vectors) this.#memory.vectors.get(name)!.set(initial);
    const { buffer } = this.#memory;
    this.#threads = spec.updates.map((_, index) => {
      return new ReplicaThread(program, { spec, index, buffer }, () => this.#memory.abort());
    });
  }

  get vectors(): ReadonlyMap<string, Float32Array> {
    return this.#memory.vectors;
  }

  /** Waits for all; the first thread that failed of itself, not because another did, says why. */
  async all(): Promise<void> {
    const outcomes = this.#threads.map((thread) => thread.answer());
    try {
      await Promise.all(outcomes);
    } catch (error) {
      this.#dead ??= error instanceof RuntimeError ? error : new RuntimeError('crashed', messageOf(error));
      for (const outcome of outcomes) outcome.catch(() => undefined);
      throw this.#dead;
    }
  }

  async step({ feeds, scalars }: ReplicaStep): Promise<ReplicaStepResult> {
    if (this.#dead) throw this.#dead;
    const answered = this.all();
    for (const [i, thread] of this.#threads.entries()) {
      const own = feeds[i]!.map(owned);
      thread.send({ kind: 'step', feeds: own, scalars }, buffersOf(own));
    }
    await answered;
    const { losses, outputs } = this.#memory;
    const output = new Float32Array(outputs.reduce((sum, o) => sum + o.length, 0));
    outputs.forEach((o, i) => output.set(o, i * this.#spec.microBatches * this.#spec.outputSize));
    return { loss: losses.reduce((a, b) => a + b, 0) / losses.length, output };
  }

  /**
   * Lets every thread finish its run, release its sessions and end. A thread is never terminated: ONNX Runtime's binding
   * takes the whole process down when its thread is stopped in the middle of a run.
   */
  async close(): Promise<void> {
    this.#dead ??= new RuntimeError('closed', 'the replicas were closed');
    this.#memory.abort();
    for (const thread of this.#threads) thread.send({ kind: 'close' });
    await Promise.all(this.#threads.map((thread) => thread.exited));
  }
}

/**
 * Starts a thread for each of `spec.updates`. `ReplicaPoolFactory` of the engine packages.
 * @throws RuntimeError `start-failed` when the package is not built, `model-refused` when ONNX Runtime does not accept a
 *   model; from steps `crashed` when a thread ended, `run-failed`, `bad-feed`, `closed`. After any of them the pool can
 *   only be closed.
 */
export async function openReplicas(spec: ReplicaSpec, options: ReplicaThreadsOptions = {}): Promise<ReplicaPool> {
  const pool = new ReplicaThreads(spec, options.program ?? threadPath());
  try {
    await pool.all();
    return pool;
  } catch (error) {
    await pool.close();
    throw error;
  }
}
