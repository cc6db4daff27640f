/** What a training of a generator against a discriminator is told, and what comes out. */
import { elementCount, type Model, type SessionFactory } from '@verge/onnx';
import { refuse } from '../errors.js';
import type { AdversarialSpec } from '../losses/adversarial.js';
import { checkAveraging, type AveragingSpec } from '../optimizers/averaging.js';
import type { OptimizerSpec } from '../optimizers.js';
import { checkSchedule, type ScheduleSpec } from '../schedule.js';

export interface GanProgress {
  /** Generator steps taken. */
  readonly step: number;
  readonly steps: number;
  /** Of the last steps of either. */
  readonly discriminatorLoss: number;
  readonly generatorLoss: number;
}

export interface GanOptions {
  /** Noise [batch, ...] to samples. */
  readonly generator: Model;
  /** Samples to one logit each. */
  readonly discriminator: Model;
  readonly createSession: SessionFactory;
  /** Real samples, row-major, in the range of the generator's output. */
  readonly real: { readonly x: Float32Array; readonly shape: readonly number[] };
  /** Generator steps. */
  readonly steps: number;
  /** 64 when absent. */
  readonly batchSize?: number;
  readonly loss?: AdversarialSpec;
  readonly optimizer: { readonly generator: OptimizerSpec; readonly discriminator: OptimizerSpec };
  /** Of both learning rates over the run; constant when absent. Neither loss tells of progress, so none waits for a plateau. */
  readonly schedule?: Exclude<ScheduleSpec, { readonly name: 'plateau' }>;
  /** Discriminator steps before each of the generator; 1 when absent, 5 for `wasserstein`. */
  readonly discriminatorSteps?: number;
  /** The generator that is returned is a moving average over the run. */
  readonly averaging?: AveragingSpec & { readonly kind: 'ema' };
  /** Same seed, samples and options: the same bytes. 1 when absent. */
  readonly seed?: number;
  readonly threads?: number;
  /** Channels in a block of the executor's blocked layout; found by a trial when absent, 0 for standard operators only. */
  readonly block?: number;
  readonly signal?: AbortSignal;
  /** Called after every `reportEvery` steps (100 when absent). */
  readonly onProgress?: (progress: GanProgress) => void | Promise<void>;
  readonly reportEvery?: number;
  /** Called with all that the rest of the run needs. */
  readonly saveCheckpoint?: (bytes: Uint8Array) => void | Promise<void>;
  /** Steps between checkpoints; one at the end when absent. */
  readonly checkpointEverySteps?: number;
  readonly resumeFrom?: Uint8Array;
}

export interface GanResult {
  readonly generator: Model;
  readonly discriminator: Model;
  /** Both, encoded. */
  readonly bytes: { readonly generator: Uint8Array; readonly discriminator: Uint8Array };
}

/** @throws TrainingError `bad-options` naming every option that is out of range */
export function checkGanOptions(o: GanOptions): void {
  const problems: string[] = [];
  const size = elementCount(o.real.shape);
  const count = o.real.x.length / size;
  const batch = o.batchSize ?? 64;
  for (const name of [
    'steps',
    'batchSize',
    'discriminatorSteps',
    'threads',
    'reportEvery',
    'checkpointEverySteps',
  ] as const) {
    const value = o[name];
    if (value !== undefined && !(Number.isInteger(value) && value >= 1)) {
      problems.push(`${name}: expected a whole number from 1, not ${value}`);
    }
  }
  if (!Number.isInteger(count)) problems.push(`real.x: ${o.real.x.length} elements are no multiple of ${size}`);
  if (count < batch) problems.push(`real.x: ${Math.floor(count)} samples do not fill a batch of ${batch}`);
  if (o.schedule) problems.push(...checkSchedule(o.schedule));
  if (o.averaging) problems.push(...checkAveraging(o.averaging, o.steps));
  refuse('bad-options', 'gan', problems);
}
