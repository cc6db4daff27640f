import type { JobContext } from '../job-context.js';

export type CheckpointRef = { digest: string; epoch: number };

/** The last durable state of the run, in the job's progress and in the blobs. */
export class Checkpoints {
  #last: CheckpointRef | null;
  readonly #context: JobContext;

  constructor(context: JobContext) {
    this.#context = context;
    this.#last = context.previous?.checkpoint ?? null;
  }

  get last(): CheckpointRef | null {
    return this.#last;
  }

  async read(): Promise<Uint8Array | undefined> {
    const { blobs, log } = this.#context;
    const checkpoint = this.#last;
    if (!checkpoint) return undefined;
    const bytes = await blobs.read(checkpoint.digest).catch((error: unknown) => {
      log.warn({ err: error, checkpoint }, 'the last checkpoint cannot be read; starting over');
      this.#last = null;
      return undefined;
    });
    if (bytes) log.info({ checkpoint }, 'resuming from the last checkpoint');
    return bytes;
  }

  /** Named in the progress before the one before it is removed: at any moment one is there and named. */
  async save(bytes: Uint8Array, epoch: number): Promise<void> {
    const { blobs, progress } = this.#context;
    const old = this.#last;
    const { digest } = await blobs.put(bytes);
    this.#last = { digest, epoch };
    await progress({ checkpoint: this.#last });
    if (old && old.digest !== digest) await blobs.delete(old.digest);
  }

  async remove(): Promise<void> {
    const checkpoint = this.#last;
    this.#last = null;
    if (checkpoint) await this.#context.blobs.delete(checkpoint.digest);
  }
}
