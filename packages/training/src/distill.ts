/**
 * Distillation: a student learns from a teacher's logits and, where it is told to, from inner values of the teacher. The
 * logits are computed once before training; inner values are large, so a teacher that gives them runs in the training step.
 */
import { augmentBatch } from '@verge/data';
import type { Model } from '@verge/onnx';
import { companionLogits, companionValue, projectionValue, type Companion } from './distill-companion.js';
import { ensembleModel, type Combination } from './distill-ensemble.js';
import { refuse } from './errors.js';
import { fit } from './fit.js';
import type { FitOptions, FitResult, TrainingView } from './fit-options.js';
import type { LossSpec, LossTerm } from './losses.js';
import { predict } from './predict.js';
import { Random } from './random.js';
import type { TrainingSamples } from './samples.js';

/** A value of the student that shall become like one of the teacher. */
export interface FeaturePair {
  readonly student: string;
  readonly teacher: string;
  /** Beside the distillation loss, whose weight is 1. */
  readonly weight: number;
}

export interface DistillOptions extends Omit<FitOptions, 'loss' | 'views' | 'targets' | 'train' | 'companion'> {
  /** In memory, as are their augmented versions. */
  readonly train: TrainingSamples;
  /** Any classifier, or several whose outputs are combined. */
  readonly teacher: Model | readonly Model[];
  /** How several teachers become one; 'logits' when absent. */
  readonly combine?: Combination;
  /** Softmax temperature; 4 when absent. */
  readonly temperature?: number;
  /** Weight of the labels' cross-entropy, 1 - alpha that of the soft targets; 0.3 when absent. */
  readonly alpha?: number;
  /** Augmented versions of the training set that the teacher judges and the epochs take in turn; 8 when absent. */
  readonly copies?: number;
  /**
   * Values compared after a learned projection of the student's (FitNets, arXiv:1412.6550). Of several teachers the values
   * are called `teacher0.<name>`, `teacher1.<name>`, ...
   */
  readonly hints?: readonly FeaturePair[];
  /** Maps [batch, channels, ...positions] whose attention is compared (arXiv:1612.03928); the positions must agree. */
  readonly attention?: readonly FeaturePair[];
  /**
   * Runs the teacher in each step instead of once before: every epoch is augmented anew, for the price of its forward pass.
   * Needed, and the default, for `hints` and `attention`.
   */
  readonly teacherInStep?: boolean;
}

/** The training samples, then augmented versions of them, each with the teacher's logits. */
async function teach(o: DistillOptions, teacher: Model, copies: number): Promise<TrainingView[]> {
  const { train, augmentation, createSession, threads, signal } = o;
  const plain = Float32Array.from(train.x);
  const views: TrainingView[] = [];
  for (let copy = 0; copy < copies; copy++) {
    const seed = new Random(o.seed ?? 1, 'view', copy).uint32();
    const x = augmentation && copy > 0 ? augmentBatch(plain, train.shape, augmentation, seed) : plain;
    const { logits } = await predict(teacher, { ...train, x }, createSession, { threads, signal });
    views.push({ x, teacherLogits: logits });
  }
  return views;
}

function check(o: DistillOptions, inStep: boolean): void {
  const { temperature = 4, alpha = 0.3, copies = 8, hints = [], attention = [] } = o;
  const problems: string[] = [];
  if (!(temperature > 0)) problems.push(`temperature: expected a number above 0, not ${temperature}`);
  if (!(alpha >= 0 && alpha <= 1)) problems.push(`alpha: expected a number from 0 to 1, not ${alpha}`);
  if (!Number.isInteger(copies) || copies < 1) problems.push(`copies: expected a whole number from 1, not ${copies}`);
  const features = hints.length + attention.length > 0;
  if (features && !inStep) problems.push('teacherInStep: hints and attention need the teacher in the step');
  if (!inStep && o.augment)
    problems.push('augment: the teacher judges augmented versions beforehand; use augmentation');
  for (const [name, pairs] of Object.entries({ hints, attention })) {
    pairs.forEach(({ weight }, i) => {
      if (!(weight > 0)) problems.push(`${name}[${i}].weight: expected a number above 0, not ${weight}`);
    });
  }
  if (o.augmentation?.mixup !== undefined) {
    problems.push('augmentation.mixup: the loss compares with whole labels, not with shares of several');
  }
  refuse('bad-options', 'distill', problems);
}

/** The losses between inner values; `hints` go through the projection of the same index. */
function featureTerms({ hints = [], attention = [] }: DistillOptions): LossTerm[] {
  return [
    ...hints.map(({ teacher, weight }, i) => ({
      weight,
      loss: { kind: 'hint' as const, student: projectionValue(i), teacher: companionValue(teacher) },
    })),
    ...attention.map(({ student, teacher, weight }) => ({
      weight,
      loss: { kind: 'attention' as const, student, teacher: companionValue(teacher) },
    })),
  ];
}

/**
 * Trains `model` (the student) on labels and on what the teacher makes of the samples.
 * @throws TrainingError as `fit`; `bad-options` for a temperature, weight or number of copies out of range, and for values
 *   that either network lacks
 */
export async function distill(options: DistillOptions): Promise<FitResult> {
  const { temperature = 4, alpha = 0.3, copies = 8, hints = [], attention = [] } = options;
  const inStep = options.teacherInStep ?? hints.length + attention.length > 0;
  check(options, inStep);
  const { teacher: given, combine, labelSmoothing, ...rest } = options;
  const several = (t: DistillOptions['teacher']): t is readonly Model[] => Array.isArray(t);
  const teacher = several(given) ? ensembleModel(given, combine) : given;
  const soft = { kind: 'distillation' as const, temperature, alpha, labelSmoothing };
  if (!inStep) {
    const views = await teach(options, teacher, options.augmentation ? copies : 1);
    return fit({ ...rest, loss: soft, views, augmentation: undefined });
  }
  const companion: Companion = { model: teacher, projections: hints, seed: options.seed };
  const taught = { ...soft, teacher: companionLogits(companion) };
  const terms = featureTerms(options);
  const loss: LossSpec = terms.length === 0 ? taught : { kind: 'sum', terms: [{ weight: 1, loss: taught }, ...terms] };
  return fit({ ...rest, loss, companion });
}
