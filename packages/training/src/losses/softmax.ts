/** Losses of logits: cross-entropy, soft targets of a teacher, focal loss. */
import { int } from '@verge/onnx';
import type { Tape } from '../tape.js';
import {
  classFactors,
  derived,
  elements,
  fused,
  meanOf,
  oneHot,
  requireRank,
  sumOf,
  type LossRow,
  type Term,
} from './row.js';
import { LABELS, TARGET, TEACHER_LOGITS, type LossOf } from './spec.js';

/** log softmax over the last axis of [rows, classes], and its exponential. */
function logSoftmax(t: Tape, logits: string): { log: string; probability: string } {
  const log = t.emit('LogSoftmax', [logits], t.shape(logits), { axis: int(-1) });
  return { log, probability: t.unary('Exp', log) };
}

/** Smoothed one-hot rows [rows, classes]. */
function smoothed(t: Tape, hot: string, smoothing: number): string {
  if (smoothing === 0) return hot;
  const classes = t.shape(hot).at(-1)!;
  return t.add(t.scale(hot, 1 - smoothing), t.scalar(smoothing / classes));
}

/** Cross-entropy of [rows, classes] with one label a row; every row counts alike. */
function plain(t: Tape, logits: string, labels: string, smoothing: number): { value: string; gradient: string } {
  const [rows, classes] = t.shape(logits) as [number, number];
  const target = smoothed(t, oneHot(t, labels, classes), smoothing);
  const { log, probability } = logSoftmax(t, logits);
  return {
    value: t.scale(sumOf(t, t.mul(target, log)), -1 / rows),
    gradient: t.scale(t.sub(probability, target), 1 / rows),
  };
}

/**
 * The same with a factor for each class and rows that count for nothing: the targets are multiplied by the factors, and
 * the mean is over the labels' factors. The gradient's softmax part is scaled by what is left of each row's target.
 */
function weighted(
  t: Tape,
  logits: string,
  labels: string,
  spec: LossOf<'cross-entropy'>,
): { value: string; gradient: string } {
  const [rows, classes] = t.shape(logits) as [number, number];
  const hot = oneHot(t, labels, classes);
  const given = spec.classWeights ?? new Array<number>(classes).fill(1);
  const factors = classFactors(t, 'cross-entropy.classWeights', given, classes);
  const own = t.reduce('ReduceSum', t.mul(hot, factors), [1]);
  let target = t.mul(smoothed(t, hot, spec.labelSmoothing ?? 0), factors);
  let share = own;
  if (spec.ignoreIndex !== undefined) {
    const ignored = t.constant({ dtype: 'int32', dims: [], data: Int32Array.of(spec.ignoreIndex) }, 'ignored');
    const kept = t.sub(t.scalar(1), t.indicator(t.compare('Equal', t.reshape(labels, [rows, 1]), ignored)));
    target = t.mul(target, kept);
    share = t.mul(own, kept);
  }
  // A batch in which nothing counts has loss 0.
  const total = t.binary('Max', sumOf(t, share), t.scalar(1e-12));
  const { log, probability } = logSoftmax(t, logits);
  const mass = t.reduce('ReduceSum', target, [1]);
  return {
    value: t.unary('Neg', t.div(sumOf(t, t.mul(target, log)), total)),
    gradient: t.div(t.sub(t.mul(probability, mass), target), total),
  };
}

/** Logits with the classes last and everything else in one axis, and the way back for a gradient. */
function asRows(t: Tape, logits: string, axis: 'second' | 'last'): { rows: string; back: (x: string) => string } {
  const shape = t.shape(logits);
  const rank = shape.length;
  const classes = axis === 'last' ? shape[rank - 1]! : shape[1]!;
  if (rank === 2) return { rows: logits, back: (x) => x };
  const flat = [elements(shape) / classes, classes];
  if (axis === 'last') return { rows: t.reshape(logits, flat), back: (x) => t.reshape(x, shape) };
  const positions = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  const turned = t.transpose(logits, [0, ...positions, 1]);
  const turnedShape = t.shape(turned);
  return {
    rows: t.reshape(turned, flat),
    back: (x) => t.transpose(t.reshape(x, turnedShape), [0, rank - 1, ...positions.map((p) => p - 1)]),
  };
}

/** Cross-entropy with shares of the classes [batch, classes]; class weights and ignored labels speak of labels only. */
function soft(t: Tape, spec: LossOf<'cross-entropy'>, output: string): Term {
  const [rows, classes] = requireRank(t, spec.kind, output, ['batch', 'classes']) as [number, number];
  const target = smoothed(t, t.input(TARGET, [rows, classes]), spec.labelSmoothing ?? 0);
  const { log, probability } = logSoftmax(t, output);
  const value = t.scale(sumOf(t, t.mul(target, log)), -1 / rows);
  return fused(output, value, t.scale(t.sub(probability, target), 1 / rows));
}

export const crossEntropy: LossRow<'cross-entropy'> = {
  write(t, spec, output) {
    if (spec.soft) return soft(t, spec, output);
    const shape = t.shape(output);
    if (shape.length < 2) requireRank(t, spec.kind, output, ['batch', 'classes']);
    const axis = spec.classAxis ?? 'second';
    const positions = axis === 'last' ? shape.slice(0, -1) : [shape[0]!, ...shape.slice(2)];
    const given = t.input(LABELS, positions, 'int32');
    const { rows, back } = asRows(t, output, axis);
    const labels = t.reshape(given, [elements(positions)]);
    const simple = spec.classWeights === undefined && spec.ignoreIndex === undefined;
    const { value, gradient } = simple
      ? plain(t, rows, labels, spec.labelSmoothing ?? 0)
      : weighted(t, rows, labels, spec);
    return fused(output, value, back(gradient));
  },
};

function softTargets(t: Tape, output: string, teacherLogits: string, temperature: number): Term {
  const rows = t.shape(output)[0]!;
  const student = logSoftmax(t, t.scale(output, 1 / temperature));
  const teacher = logSoftmax(t, t.scale(teacherLogits, 1 / temperature));
  const divergence = t.mul(teacher.probability, t.sub(student.log, teacher.log));
  const value = t.scale(t.scale(sumOf(t, divergence), -1 / rows), temperature ** 2);
  const gradient = t.scale(t.sub(student.probability, teacher.probability), temperature / rows);
  return fused(output, value, gradient);
}

export const distillation: LossRow<'distillation'> = {
  write(t, spec, output) {
    const shape = requireRank(t, spec.kind, output, ['batch', 'classes']);
    const labels = t.input(LABELS, [shape[0]!], 'int32');
    const hard = plain(t, output, labels, spec.labelSmoothing ?? 0);
    const teacher = spec.teacher ?? t.input(TEACHER_LOGITS, shape);
    const soft = softTargets(t, output, teacher, spec.temperature);
    const mix = (a: string, b: string): string => t.add(t.scale(a, spec.alpha), t.scale(b, 1 - spec.alpha));
    return fused(output, mix(hard.value, soft.value), mix(hard.gradient, soft.gradients.get(output)!));
  },
};

export const focal: LossRow<'focal'> = {
  write(t, spec, output) {
    const [rows, classes] = requireRank(t, spec.kind, output, ['batch', 'classes']) as [number, number];
    const hot = oneHot(t, t.input(LABELS, [rows], 'int32'), classes);
    const gamma = spec.gamma ?? 2;
    return derived(t, [output], () => {
      const own = t.reduce('ReduceSum', t.mul(logSoftmax(t, output).log, hot), [1], false);
      // The bound keeps the slope of x^gamma finite at 0 for gamma below 1.
      const miss = t.binary('Max', t.sub(t.scalar(1), t.unary('Exp', own)), t.scalar(1e-7));
      let terms = gamma === 0 ? own : t.mul(t.binary('Pow', miss, t.scalar(gamma)), own);
      if (spec.alpha) {
        const factors = classFactors(t, 'focal.alpha', spec.alpha, classes);
        terms = t.mul(terms, t.reduce('ReduceSum', t.mul(hot, factors), [1], false));
      }
      return t.unary('Neg', meanOf(t, terms));
    });
  },
};
