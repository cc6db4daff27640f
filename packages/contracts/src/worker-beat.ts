/**
 * What a worker says of itself, so that people see who listens to the queue. It goes through the queue's own stream of
 * events: a worker reaches the queue and nothing else. Members that a newer worker adds are let pass: it must not seem lost.
 */
import { z } from 'zod';
import { Id } from './identifiers.js';
import { WorkerJob } from './queue.js';

/** The name of the event in the queue's stream; its one field `beat` is the JSON of a `WorkerBeat`. */
export const WORKER_EVENT = 'worker';
/** A worker speaks this often, and at once when it begins, ends or leaves something. */
export const WORKER_BEAT_MS = 10_000;
/** A worker that was not heard for so long is lost: three beats may go missing. */
export const WORKER_LOST_MS = 35_000;

/** A job that a worker has in hand. */
export const WorkerRun = z.object({
  /** The job, or the training that a shard belongs to. */
  job: Id,
  kind: z.enum(WorkerJob.options.map((option) => option.shape.kind.value)),
  /** Seconds since this worker began it: the two ends may have different clocks. */
  seconds: z.number().min(0),
});
export type WorkerRun = z.infer<typeof WorkerRun>;

export const WorkerBeat = z.object({
  /** Of the process: a worker that is started again is another one. */
  id: Id,
  name: z.string().min(1).max(120),
  version: z.string().max(40),
  /** Of ONNX Runtime. */
  engineVersion: z.string().max(40),
  host: z.string().max(255),
  /** Node's platform and architecture, such as linux-x64. */
  platform: z.string().max(40),
  cores: z.int().min(1),
  memoryBytes: z.int().min(0),
  /** Seconds since the process began. */
  uptimeSeconds: z.number().min(0),
  running: z.array(WorkerRun).max(64),
  /** Its last word. */
  leaving: z.boolean(),
});
export type WorkerBeat = z.infer<typeof WorkerBeat>;
