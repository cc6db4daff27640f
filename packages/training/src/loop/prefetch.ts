/**
 * Preparation of batches in a worker thread. A run of a session occupies its thread, so what happens in the same thread
 * makes every step wait; a second core does the augmentation meanwhile. The thread computes what `prepareInput` computes,
 * from the same arguments: the bytes do not depend on who did it.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { TrainingError } from '../errors.js';
import type { InputValues } from '../samples.js';
import type { NetworkInput, Preparation } from './prepare.js';

/** To the thread: the samples of a batch as they were stored. */
export interface RawMessage {
  readonly id: number;
  readonly values: InputValues;
  readonly seed: number;
}

/** Back: what the network reads, or what went wrong. */
export type PreparedMessage =
  { readonly id: number; readonly x: NetworkInput } | { readonly id: number; readonly error: unknown };

interface Waiting {
  resolve(x: NetworkInput): void;
  reject(error: unknown): void;
}

/** The built thread beside this file, or, when this file runs from source, in the package's dist folder. */
function workerPath(): string {
  const here = new URL('.', import.meta.url).href;
  return fileURLToPath(new URL('batch-worker.js', here.replace(/\/src\/loop\/$/, '/dist/loop/')));
}

export const canPrefetch = (): boolean => existsSync(workerPath());

export class PreparingThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #failed: Error | undefined;

  /** @throws TrainingError `bad-options` when the package is not built */
  constructor(preparation: Preparation) {
    if (!canPrefetch()) {
      throw new TrainingError('bad-options', `prefetch: '${workerPath()}' is missing; build @verge/training first`);
    }
    // Whatever conditions this process resolves packages under, the thread is built JavaScript.
    this.#worker = new Worker(workerPath(), { workerData: preparation, execArgv: [] });
    // A run that is over must not be kept alive by a thread that nobody asks any more.
    this.#worker.unref();
    this.#worker.on('message', (message: PreparedMessage) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if ('x' in message) waiting?.resolve(message.x);
      else waiting?.reject(message.error);
      if (this.#waiting.size === 0) this.#worker.unref();
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new Error(`the preparing thread ended with ${code}`)));
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failed);
    this.#waiting.clear();
  }

  /** Batches come back in the order in which they were handed in. */
  prepare(values: InputValues, seed: number): Promise<NetworkInput> {
    return new Promise((resolve, reject) => {
      if (this.#failed) throw this.#failed;
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
      // A copy moves to the thread: the source may hold more in the same memory, or hand it out again.
      const message: RawMessage = { id, values: values.slice(), seed };
      this.#worker.postMessage(message, [message.values.buffer as ArrayBuffer]);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
