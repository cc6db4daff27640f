/** Distillation: a student learns from a teacher's logits, computed once before training. */
import { augmentBatch } from '@verge/data';
import type { Model } from '@verge/onnx';
import { refuse } from './errors.js';
import { fit } from './fit.js';
import type { FitOptions, FitResult, TrainingView } from './fit-options.js';
import { predict } from './predict.js';
import { Random } from './random.js';
import type { TrainingSamples } from './samples.js';

export interface DistillOptions extends Omit<FitOptions, 'loss' | 'views' | 'augment' | 'targets' | 'train'> {
  /** In memory, as are their augmented versions. */
  readonly train: TrainingSamples;
  readonly teacher: Model;
  /** Softmax temperature; 4 when absent. */
  readonly temperature?: number;
  /** Weight of the labels' cross-entropy, 1 - alpha that of the soft targets; 0.3 when absent. */
  readonly alpha?: number;
  /** Augmented versions of the training set that the teacher judges and the epochs take in turn; 8 when absent. */
  readonly copies?: number;
}

/** The training samples, then augmented versions of them, each with the teacher's logits. */
async function teach(o: DistillOptions, copies: number): Promise<TrainingView[]> {
  const { train, augmentation, teacher, createSession, threads, signal } = o;
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

/**
 * Trains `model` (the student) on labels and on the teacher's soft targets.
 * @throws TrainingError as `fit`; `bad-options` for a temperature, weight or number of copies out of range
 */
export async function distill(options: DistillOptions): Promise<FitResult> {
  const { temperature = 4, alpha = 0.3, copies = 8 } = options;
  const problems: string[] = [];
  if (!(temperature > 0)) problems.push(`temperature: expected a number above 0, not ${temperature}`);
  if (!(alpha >= 0 && alpha <= 1)) problems.push(`alpha: expected a number from 0 to 1, not ${alpha}`);
  if (!Number.isInteger(copies) || copies < 1) problems.push(`copies: expected a whole number from 1, not ${copies}`);
  refuse('bad-options', 'distill', problems);
  const views = await teach(options, options.augmentation ? copies : 1);
  const { labelSmoothing, ...rest } = options;
  const loss = { kind: 'distillation' as const, temperature, alpha, labelSmoothing };
  return fit({ ...rest, loss, views, augmentation: undefined });
}
