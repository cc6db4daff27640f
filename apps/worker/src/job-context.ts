/** What a job is given: blobs, a signal that ends it, and a way to say how far it is. */
import type { BlobStore } from '@verge/blobs';
import type { JobProgress, TrainShardJob, TrainShardResult } from '@verge/contracts';
import type { EnvelopeSigner } from '@verge/trust/provenance';
import type { Logger } from 'pino';

/** Jobs under the one in hand, which any worker takes. */
export interface ShardFlow {
  /** Adds jobs; those that are there already stay as they are. */
  add(jobs: readonly TrainShardJob[]): Promise<void>;
  /** Results of those that are done, of all rounds. */
  results(): Promise<TrainShardResult[]>;
  /** Why others will never be done. */
  failures(): Promise<string[]>;
  /** Gives the job in hand back to the queue until all its children are done: this throws. Returns when they are already. */
  wait(): Promise<void>;
  /** Forgets children that are over. */
  forget(jobs: readonly { readonly round: number; readonly shard: number }[]): Promise<void>;
}

export interface JobContext {
  readonly shards: ShardFlow;
  readonly blobs: BlobStore;
  /** Aborted on cancellation, and when the worker shuts down. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Worker's name, for provenance. */
  readonly builder: { readonly name: string; readonly signer: EnvelopeSigner };
  /** 1 on the first attempt. */
  readonly attempt: number;
  /** What an earlier attempt left behind. */
  readonly previous: JobProgress | null;
  progress(update: Partial<Omit<JobProgress, 'attempt'>>): Promise<void>;
}

/** Thrown inside a job when the control plane asked it to stop. */
export class JobCancelled extends Error {
  constructor() {
    super('the job was cancelled');
    this.name = 'JobCancelled';
  }
}

/** Thrown inside a training one of whose shards failed on every attempt. */
export class ShardFailed extends Error {
  constructor(reason: string) {
    super(`a shard failed for good: ${reason}`);
    this.name = 'ShardFailed';
  }
}

/** Thrown inside a job whose lock ran out (a machine that slept): another worker has it by now, so this one lets go. */
export class LockLost extends Error {
  constructor() {
    super('the job was taken over by another worker');
    this.name = 'LockLost';
  }
}

/** Thrown inside a job when the worker goes down: the job goes back to the queue and another worker takes it. */
export class WorkerStopping extends Error {
  constructor() {
    super('the worker is shutting down');
    this.name = 'WorkerStopping';
  }
}
