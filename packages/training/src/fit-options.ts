/** What `fit` is told and what it gives back. Field names are those of `TrainingConfig` where both have them. */
import type { AugmentationConfig } from '@verge/contracts';
import type { Model, Repair, ReplicaPoolFactory, Scratch, SessionFactory } from '@verge/onnx';
import type { Companion } from './distill-companion.js';
import { refuse } from './errors.js';
import type { Mode } from './gradients/row.js';
import type { AdapterValues } from './lora/adapt.js';
import type { LoraSpec } from './lora/spec.js';
import type { SampleSet } from './loop/source.js';
import type { LossSpec } from './losses.js';
import type { MetricName } from './metrics/table.js';
import type { AveragingSpec } from './optimizers/averaging.js';
import type { OptimizerSpec } from './optimizers.js';
import type { Layout } from './parameters.js';
import type { Score } from './predict.js';
import type { Progress } from './progress.js';
import type { ScheduleSpec } from './schedule.js';
import type { PortOptions } from './transfer/ports.js';
import type { ParameterLine } from './transfer/report.js';
import type { Untied } from './transfer/untie.js';

/** Changes a batch [rows, ...shape] before a step; a pure function of its arguments. */
export type Augment = (x: Float32Array, shape: readonly number[], seed: number) => Float32Array;

/** The training inputs as one epoch sees them: epoch e reads view e mod the number of views. */
export interface TrainingView {
  /** All training samples, in their order. */
  readonly x: Float32Array;
  /** The teacher's logits for them, [samples, classes]; needed by the distillation loss. */
  readonly teacherLogits: Float32Array;
}

export interface FitOptions extends PortOptions {
  /** The network with its initial weights. Samples go to inputs of float32, int32, int64 or bool, batch first. */
  readonly model: Model;
  readonly createSession: SessionFactory;
  readonly train: SampleSet;
  /** Decides which epoch is kept and when to stop. Its outputs are held in memory, also where its samples are not. */
  readonly validation: SampleSet;
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
  /**
   * Targets of the losses that compare with numbers, where `train` and `validation` bring none of their own; the inputs
   * themselves (an auto-encoder) when neither does.
   */
  readonly targets?: { readonly train: Float32Array; readonly validation: Float32Array };
  readonly views?: readonly TrainingView[];
  /** Random changes of float32 samples; `mixup` also mixes what the loss compares with. */
  readonly augmentation?: AugmentationConfig;
  /** Any other augmentation, after `augmentation`. */
  readonly augment?: Augment;
  /**
   * Whether a worker thread augments batches ahead of the steps. Absent: when the first batches show that it pays and a
   * core is free. The bytes of the model are the same in any case.
   */
  readonly prefetch?: boolean;
  /**
   * Channels in a block of ONNX Runtime's blocked layout, in which its convolutions are fastest. Found by a trial when absent;
   * 0 keeps the step to standard operators. Only roundings depend on it.
   */
  readonly block?: number;
  /**
   * Steps that may be taken in one run of the executor, to the same bits. Where it pays when absent (steps of a few
   * milliseconds at most); cancelling, checkpoints by steps and the end of an epoch end such a run early.
   */
  readonly together?: number;
  /** Figures on the validation samples; by default those that are usual for the loss (`usualMetrics`). */
  readonly metrics?: readonly MetricName[];
  /** The figure that decides which epoch is best and when to stop; accuracy, then loss, and the loss when absent. */
  readonly monitor?: 'loss' | MetricName;
  /** 0 or 1 for each element of the named parameters; zeros stay zero through every update. */
  readonly masks?: ReadonlyMap<string, ArrayLike<number>>;
  /** Which of the constants that move by default (`findParameters`) do; all when absent. */
  readonly trainable?: (name: string) => boolean;
  /** Constants that move too, though they are left out by default (tables, masks, factors of the input). */
  readonly alsoTrained?: (name: string) => boolean;
  /**
   * Low-rank adapters of some weights: they move instead of everything else, and are added to their weights in the result.
   * What `trainable` and `alsoTrained` name moves besides; nothing when both are absent.
   */
  readonly lora?: LoraSpec;
  /** What was separated before the model was given (`separateParameters`), for the report. */
  readonly untied?: readonly Untied[];
  /** What was repaired before the model was given, for the report. */
  readonly repairs?: readonly Repair[];
  readonly mode?: Mode;
  /** Gradients longer than this (Euclidean norm over all parameters) are shortened to it. */
  readonly maxGradientNorm?: number;
  /** Elements of the gradient are cut off here in either direction, after `maxGradientNorm`. */
  readonly maxGradientValue?: number;
  /** A teacher that runs in the same graph; the loss may name its values (`companionValue`). */
  readonly companion?: Companion;
  /** Evaluation, `keep` and the result use averages of the parameters over the run. */
  readonly averaging?: AveragingSpec;
  /**
   * Which epoch's weights are returned. Unless told otherwise the best on the validation samples when the run may stop
   * early, else the last: a schedule that runs to its end leaves the best weights there, and a small validation set is a
   * noisy judge of single epochs.
   */
  readonly keep?: 'best' | 'last';
  /** Ends the run when the validation loss (or `monitor`) has not fallen by more than `minDelta` for `patience` epochs. */
  readonly earlyStop?: { readonly patience: number; readonly minDelta?: number };
  readonly onProgress?: (progress: Progress) => void | Promise<void>;
  /** Honoured before the next step. */
  readonly signal?: AbortSignal;
  /** Called with everything that the rest of the run needs; a killed run continues bit for bit from these bytes. */
  readonly saveCheckpoint?: (bytes: Uint8Array) => void | Promise<void>;
  /** `saveCheckpoint` in consecutive pieces, views of the run's memory: they must be written before it returns. */
  readonly saveCheckpointPieces?: (pieces: Iterable<Uint8Array>) => void | Promise<void>;
  /**
   * Where the weights of a large model lie meanwhile, so that they are held once or, where they do not move, not at all. The
   * constants of the result's model that did not move are then read from there whenever they are asked for.
   */
  readonly scratch?: Scratch;
  /** Epochs between checkpoints, 1 when absent. */
  readonly checkpointEvery?: number;
  /** Steps between checkpoints within an epoch; none when absent. */
  readonly checkpointEverySteps?: number;
  readonly resumeFrom?: Uint8Array;
  /** Intra-op threads, 1 when absent; of each replica where there are several. */
  readonly threads?: number;
  /**
   * Cuts each batch into so many micro-batches whose gradients are averaged: the update of the whole batch in the memory of
   * a part. BatchNormalization normalises each part by itself, and a loss that compares samples with each other sees those of
   * one part. 1 when absent; it must divide the batch.
   */
  readonly accumulate?: number;
  /**
   * Cuts each batch among replicas that run at once, each on its own thread; as `accumulate`, but running statistics of
   * BatchNormalization become the mean of the replicas'. The executor is `openReplicas` of the runtime.
   */
  readonly parallel?: { readonly replicas: number; readonly openReplicas: ReplicaPoolFactory };
}

export interface FitResult {
  /** The inference model of the kept epoch. */
  readonly model: Model;
  /** The same, encoded when it is first asked for. */
  readonly bytes: Uint8Array;
  readonly history: readonly Progress[];
  /** The epoch whose weights were kept, from 1. */
  readonly epoch: number;
  readonly stoppedEarly: boolean;
  readonly steps: number;
  readonly seconds: number;
  /** Validation score of the kept weights. */
  readonly validation: Score;
  /** What moved, what was frozen, what was left out and why. */
  readonly parameters: readonly ParameterLine[];
  /** What of the given file broke a rule of ONNX and was mended; the result is a file without it. */
  readonly repairs: readonly Repair[];
  /** What the file left open and was decided, in words: which output was trained, what an open size was taken for. */
  readonly assumed: readonly string[];
  /** The adapters of the kept epoch by the weight that they were added to, where the run had `lora`. */
  readonly adapters?: ReadonlyMap<string, AdapterValues>;
  /** Their metrics on the validation samples. */
  readonly metrics: Readonly<Record<string, number>>;
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
