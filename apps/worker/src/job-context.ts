/** What a job is given: blobs, a signal that ends it, and a way to say how far it is. */
import type { BlobStore } from '@verge/blobs';
import type { JobProgress } from '@verge/contracts';
import type { EnvelopeSigner } from '@verge/trust/provenance';
import type { Logger } from 'pino';

export interface JobContext {
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
