/** Losses as composites: value and gradient by the network's output are written together. */
import { int } from '@verge/onnx';
import { TrainingError } from './errors.js';
import type { Tape } from './tape.js';

export type LossSpec =
  /** Mean over the batch of -sum(target * log softmax(logits)), in nats. */
  | { readonly kind: 'cross-entropy'; readonly labelSmoothing?: number }
  /**
   * (1 - alpha) * T^2 * KL(softmax(teacher / T) || softmax(logits / T)) + alpha * cross-entropy
   * (Hinton, Vinyals and Dean 2015, arXiv:1503.02531; T^2 keeps the soft gradients' size as T grows).
   */
  | {
      readonly kind: 'distillation';
      readonly temperature: number;
      readonly alpha: number;
      readonly labelSmoothing?: number;
    }
  /** Mean over all elements of (output - target)^2. */
  | { readonly kind: 'mse' };

/** Names of the graph inputs that losses read. */
export const LABELS = 'step.labels';
export const TEACHER_LOGITS = 'step.teacher_logits';
export const TARGET = 'step.target';

export interface WrittenLoss {
  /** Scalar value. */
  readonly value: string;
  /** Gradient of the loss by the output that it was written for. */
  readonly gradient: string;
  /** Graph inputs that it reads besides the network's own. */
  readonly inputs: readonly string[];
}

/** log softmax over the last axis of [batch, classes], and its exponential. */
function logSoftmax(t: Tape, logits: string): { log: string; probability: string } {
  const log = t.emit('LogSoftmax', [logits], t.shape(logits), { axis: int(-1) });
  return { log, probability: t.unary('Exp', log) };
}

/** -sum(target * log) / batch as a scalar. */
function meanNegative(t: Tape, product: string, batch: number): string {
  return t.scale(t.reduce('ReduceSum', product, [0, 1], false), -1 / batch);
}

/** Classes as smoothed one-hot rows [batch, classes]. */
function oneHot(t: Tape, batch: number, classes: number, smoothing: number): string {
  t.declare(LABELS, [batch], 'int32');
  const range = t.constant(
    { dtype: 'int32', dims: [1, classes], data: Int32Array.from({ length: classes }, (_, i) => i) },
    'classes',
  );
  const hot = t.indicator(t.compare('Equal', t.reshape(LABELS, [batch, 1]), range));
  if (smoothing === 0) return hot;
  return t.add(t.scale(hot, 1 - smoothing), t.scalar(smoothing / classes));
}

interface Term {
  value: string;
  gradient: string;
}

function crossEntropy(t: Tape, logits: string, smoothing: number): Term {
  const [batch, classes] = t.shape(logits) as [number, number];
  const target = oneHot(t, batch, classes, smoothing);
  const { log, probability } = logSoftmax(t, logits);
  return {
    value: meanNegative(t, t.mul(target, log), batch),
    gradient: t.scale(t.sub(probability, target), 1 / batch),
  };
}

function softTargets(t: Tape, logits: string, temperature: number): Term {
  const shape = t.shape(logits) as [number, number];
  t.declare(TEACHER_LOGITS, shape);
  const student = logSoftmax(t, t.scale(logits, 1 / temperature));
  const teacher = logSoftmax(t, t.scale(TEACHER_LOGITS, 1 / temperature));
  const divergence = t.mul(teacher.probability, t.sub(student.log, teacher.log));
  return {
    value: t.scale(meanNegative(t, divergence, shape[0]), temperature ** 2),
    gradient: t.scale(t.sub(student.probability, teacher.probability), temperature / shape[0]),
  };
}

function meanSquares(t: Tape, output: string): WrittenLoss {
  const shape = t.shape(output);
  t.declare(TARGET, shape);
  const difference = t.sub(output, TARGET);
  const count = shape.reduce((a, b) => a * b, 1);
  const axes = shape.map((_, i) => i);
  return {
    value: t.reduce('ReduceMean', t.mul(difference, difference), axes, false),
    gradient: t.scale(difference, 2 / count),
    inputs: [TARGET],
  };
}

/**
 * Writes the loss of a network's output.
 * @param output logits [batch, classes] for the classification losses, any shape for 'mse'
 * @throws TrainingError `bad-model` when the output is not [batch, classes]
 */
export function writeLoss(t: Tape, spec: LossSpec, output: string): WrittenLoss {
  if (spec.kind === 'mse') return meanSquares(t, output);
  const shape = t.shape(output);
  if (shape.length !== 2) {
    throw new TrainingError('bad-model', `${spec.kind} needs an output [batch, classes], not [${shape.join(', ')}]`);
  }
  const hard = crossEntropy(t, output, spec.labelSmoothing ?? 0);
  if (spec.kind === 'cross-entropy') return { ...hard, inputs: [LABELS] };
  const soft = softTargets(t, output, spec.temperature);
  const mix = (a: string, b: string): string => t.add(t.scale(a, spec.alpha), t.scale(b, 1 - spec.alpha));
  return {
    value: mix(hard.value, soft.value),
    gradient: mix(hard.gradient, soft.gradient),
    inputs: [LABELS, TEACHER_LOGITS],
  };
}
