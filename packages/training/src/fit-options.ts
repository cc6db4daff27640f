/** What `fit` is told and what it gives back. Field names are those of `TrainingConfig` where both have them. */
import type { AugmentationConfig } from '@verge/contracts';
import type { Model, SessionFactory } from '@verge/onnx';
import { refuse } from './errors.js';
import type { Mode } from './gradients/row.js';
import type { LossSpec } from './losses.js';
import type { OptimizerSpec } from './optimizers.js';
import type { Layout } from './parameters.js';
import type { Score } from './predict.js';
import type { Progress } from './progress.js';
import type { TrainingSamples } from './samples.js';
import type { ScheduleSpec } from './schedule.js';

/** Changes a batch [rows, ...shape] before a step; a pure function of its arguments. */
export type Augment = (x: Float32Array, shape: readonly number[], seed: number) => Float32Array;

/** The training inputs as one epoch sees them: epoch e reads view e mod the number of views. */
export interface TrainingView {
  /** All training samples, in their order. */
  readonly x: Float32Array;
  /** The teacher's logits for them, [samples, classes]; needed by the distillation loss. */
  readonly teacherLogits: Float32Array;
}

export interface FitOptions {
  /** The network with its initial weights: one float32 input, batch first; the first output is trained. */
  readonly model: Model;
  readonly createSession: SessionFactory;
  readonly train: TrainingSamples;
  /** Decides which epoch is kept and when to stop. */
  readonly validation: TrainingSamples;
  readonly epochs: number;
  /** 64 when absent; the last rows of an epoch that fill no batch wait for the next shuffle. */
  readonly batchSize?: number;
  /** Same seed, data and options: the same bytes of the resulting model. 1 when absent. */
  readonly seed?: number;
  readonly optimizer: OptimizerSpec;
  /** Cosine without warm-up when absent. */
  readonly schedule?: ScheduleSpec;
  /** Cross-entropy with `labelSmoothing` when absent. */
  readonly loss?: LossSpec;
  readonly labelSmoothing?: number;
  /** Targets of the 'mse' loss; the inputs themselves (an auto-encoder) when absent. */
  readonly targets?: { readonly train: Float32Array; readonly validation: Float32Array };
  readonly views?: readonly TrainingView[];
  /** Shifts, rotations, scalings, mirrorings of images. */
  readonly augmentation?: AugmentationConfig;
  /** Any other augmentation, after `augmentation`. */
  readonly augment?: Augment;
  /** 0 or 1 for each element of the named parameters; zeros stay zero through every update. */
  readonly masks?: ReadonlyMap<string, ArrayLike<number>>;
  readonly trainable?: (name: string) => boolean;
  readonly mode?: Mode;
  readonly maxGradientNorm?: number;
  /**
   * Which epoch's weights are returned. Unless told otherwise the best on the validation samples when the run may stop
   * early, else the last: a schedule that runs to its end leaves the best weights there, and a small validation set is a
   * noisy judge of single epochs.
   */
  readonly keep?: 'best' | 'last';
  /** Ends the run when the validation loss has not fallen by more than `minDelta` for `patience` epochs. */
  readonly earlyStop?: { readonly patience: number; readonly minDelta?: number };
  readonly onProgress?: (progress: Progress) => void | Promise<void>;
  /** Honoured before the next step. */
  readonly signal?: AbortSignal;
  /** Called with everything that the rest of the run needs; a killed run continues bit for bit from these bytes. */
  readonly saveCheckpoint?: (bytes: Uint8Array) => void | Promise<void>;
  /** Epochs between checkpoints, 1 when absent. */
  readonly checkpointEvery?: number;
  /** Steps between checkpoints within an epoch; none when absent. */
  readonly checkpointEverySteps?: number;
  readonly resumeFrom?: Uint8Array;
  /** Intra-op threads, 1 when absent. */
  readonly threads?: number;
}

export interface FitResult {
  /** The inference model of the kept epoch. */
  readonly model: Model;
  /** The same, encoded. */
  readonly bytes: Uint8Array;
  readonly history: readonly Progress[];
  /** The epoch whose weights were kept, from 1. */
  readonly epoch: number;
  readonly stoppedEarly: boolean;
  readonly steps: number;
  readonly seconds: number;
  /** Validation score of the kept weights. */
  readonly validation: Score;
}

function expect(problems: string[], good: boolean, text: string): void {
  if (!good) problems.push(text);
}

/** @throws TrainingError `bad-options` naming every bad option at once */
export function checkFitOptions(o: FitOptions): void {
  const problems: string[] = [];
  const count = o.train.y.length;
  const whole = (value: number | undefined): boolean => value === undefined || (Number.isInteger(value) && value >= 1);
  const rate = o.optimizer.learningRate;
  expect(problems, whole(o.epochs), `epochs: expected a whole number from 1, not ${o.epochs}`);
  expect(problems, whole(o.batchSize), `batchSize: expected a whole number from 1, not ${o.batchSize}`);
  expect(problems, whole(o.threads), `threads: expected a whole number from 1, not ${o.threads}`);
  expect(
    problems,
    whole(o.checkpointEvery),
    `checkpointEvery: expected a whole number from 1, not ${o.checkpointEvery}`,
  );
  expect(problems, whole(o.checkpointEverySteps), `checkpointEverySteps: expected a whole number from 1`);
  expect(problems, Number.isFinite(rate) && rate > 0, `optimizer.learningRate: expected a number above 0, not ${rate}`);
  const distils = o.loss?.kind === 'distillation';
  expect(problems, distils === (o.views !== undefined), 'views: needed by the distillation loss, and by no other');
  expect(
    problems,
    !o.views || (!o.augmentation && !o.augment),
    'augmentation: views are augmented before they are given',
  );
  const smoothing = o.labelSmoothing ?? 0;
  expect(
    problems,
    smoothing >= 0 && smoothing < 1,
    `labelSmoothing: expected a number from 0 to below 1, not ${smoothing}`,
  );
  expect(problems, !o.views || o.views.length > 0, 'views: expected at least one');
  for (const [i, view] of (o.views ?? []).entries()) {
    expect(
      problems,
      view.x.length === o.train.x.length,
      `views[${i}].x: expected ${o.train.x.length} elements, not ${view.x.length}`,
    );
    expect(
      problems,
      view.teacherLogits.length % count === 0,
      `views[${i}].teacherLogits: expected [${count}, classes]`,
    );
  }
  refuse('bad-options', 'fit', problems);
}

/** One flat 0/1 vector from masks by name. */
export function packMasks(
  layout: Layout,
  masks: ReadonlyMap<string, ArrayLike<number>> | undefined,
): Float32Array | undefined {
  if (!masks) return undefined;
  const flat = new Float32Array(layout.size).fill(1);
  const entries = new Map(layout.entries.map((e) => [e.name, e]));
  const problems: string[] = [];
  for (const [name, mask] of masks) {
    const entry = entries.get(name);
    if (!entry) problems.push(`masks: '${name}' is not a trained parameter`);
    else if (mask.length !== entry.size)
      problems.push(`masks: '${name}' has ${entry.size} elements, not ${mask.length}`);
    else flat.set(mask, entry.offset);
  }
  refuse('bad-options', 'fit', problems);
  return flat;
}
