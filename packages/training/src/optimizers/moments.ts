/**
 * Optimisers that divide by a root mean square. Each is written so that few passes run over the vectors: a slot holds its
 * running mean divided by 1 - beta, so that an update is slot * beta + gradient, and the factors that are missing, with
 * Adam's bias corrections, are in two scalars that are fed: the length of a step and what is added to the root.
 */
import { float32, int } from '@verge/onnx';
import type { Tape } from '../tape.js';
import { LEARNING_RATE, penalized, scalarInput, type OptimizerRow, type Update } from './row.js';

const STEP_SIZE = 'step.step_size';
const EPSILON = 'step.epsilon';

interface Moments {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

interface Betas {
  readonly beta1: number;
  readonly beta2: number;
}

const betas = (spec: Moments): Betas => ({ beta1: spec.beta1 ?? 0.9, beta2: spec.beta2 ?? 0.999 });

/**
 * The scalars of Adam. With m = (1 - b1) M and v = (1 - b2) V, and c1, c2 the corrections,
 * (c1 m) / (sqrt(c2 v) + e) = (c1 (1 - b1) / k) * M / (sqrt(V) + e / k) where k = sqrt(c2 (1 - b2)).
 */
function adamScalars(spec: Moments, epsilon: number, t: number): { size: number; epsilon: number } {
  const { beta1, beta2 } = betas(spec);
  const k = Math.sqrt((1 - beta2) / (1 - beta2 ** t));
  return { size: (1 - beta1) / (1 - beta1 ** t) / k, epsilon: epsilon / k };
}

/** M and V of the gradient, and M / (sqrt(V) + epsilon). */
function adamDirection(u: Update, gradient: string, spec: Moments): { direction: string; slots: string[] } {
  const { t } = u;
  const { beta1, beta2 } = betas(spec);
  const first = t.add(t.scale(u.slots[0]!, beta1), gradient);
  const second = t.add(t.scale(u.slots[1]!, beta2), t.mul(gradient, gradient));
  const deviation = t.add(t.unary('Sqrt', second), scalarInput(t, EPSILON));
  return { direction: t.div(first, deviation), slots: [first, second] };
}

/** Kingma and Ba, "Adam" (arXiv:1412.6980), algorithm 1. */
export const adam: OptimizerRow<'adam'> = {
  slots: () => ['moment1', 'moment2'],
  scalars(spec, learningRate, t) {
    const { size, epsilon } = adamScalars(spec, spec.epsilon ?? 1e-8, t);
    return { [STEP_SIZE]: learningRate * size, [EPSILON]: epsilon };
  },
  write(u, spec) {
    const { direction, slots } = adamDirection(u, penalized(u), spec);
    return { parameters: u.descend(direction, scalarInput(u.t, STEP_SIZE)), slots };
  },
};

/** The direction in units of the learning rate, weight decay added: what AdamW and LAMB go along. */
function decayed(u: Update, direction: string): string {
  const { t, decay, parameters } = u;
  const unit = t.mul(direction, scalarInput(t, STEP_SIZE));
  return decay === undefined ? unit : t.add(unit, t.mul(decay, parameters));
}

/** Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (arXiv:1711.05101), algorithm 2. */
export const adamw: OptimizerRow<'adamw'> = {
  slots: () => ['moment1', 'moment2'],
  scalars(spec, learningRate, t) {
    const { size, epsilon } = adamScalars(spec, spec.epsilon ?? 1e-8, t);
    return { [LEARNING_RATE]: learningRate, [STEP_SIZE]: size, [EPSILON]: epsilon };
  },
  write(u, spec) {
    const { direction, slots } = adamDirection(u, u.gradient, spec);
    return { parameters: u.descend(decayed(u, direction), scalarInput(u.t, LEARNING_RATE)), slots };
  },
};

/** Euclidean length of each parameter's part of a flat vector: [entries]. */
function lengths(u: Update, flat: string): string {
  const { t, layout } = u;
  const sizes = layout.entries.map((e) => e.size);
  const pieces = sizes.map((size) => t.declare(t.fresh('piece'), [size]));
  t.node('Split', [flat, t.ints(sizes)], pieces, {});
  return t.concat(
    pieces.map((p) => t.emit('ReduceL2', [p, t.ints([0])], [1], { keepdims: int(1) })),
    0,
  );
}

/** |parameter| / |direction| of each parameter, 1 where either is 0, spread over the elements. */
function trustRatios(u: Update, direction: string): string {
  const { t, layout } = u;
  const [parameter, step] = [lengths(u, u.parameters), lengths(u, direction)];
  const zero = t.scalar(0);
  const both = t.compare('And', t.compare('Greater', parameter, zero), t.compare('Greater', step, zero));
  const ratio = t.where(both, t.div(parameter, step), t.constant(float32([1], [1]), 'one'));
  const owner = new Int32Array(layout.size);
  layout.entries.forEach((e, i) => owner.fill(i, e.offset, e.offset + e.size));
  const owners = t.constant({ dtype: 'int32', dims: [layout.size], data: owner }, 'owner');
  return t.emit('Gather', [ratio, owners], [layout.size], { axis: int(0) });
}

/** You et al., "Large Batch Optimization for Deep Learning" (arXiv:1904.00962), algorithm 2 with phi the identity. */
export const lamb: OptimizerRow<'lamb'> = {
  slots: () => ['moment1', 'moment2'],
  scalars(spec, learningRate, t) {
    const { size, epsilon } = adamScalars(spec, spec.epsilon ?? 1e-6, t);
    return { [LEARNING_RATE]: learningRate, [STEP_SIZE]: size, [EPSILON]: epsilon };
  },
  write(u, spec) {
    const { direction, slots } = adamDirection(u, u.gradient, spec);
    const whole = decayed(u, direction);
    const scaled = u.t.mul(whole, trustRatios(u, whole));
    return { parameters: u.descend(scaled, scalarInput(u.t, LEARNING_RATE)), slots };
  },
};

/** The variance V - (1 - alpha) G^2, where V and G are the running means of squares and gradients over 1 - alpha. */
function centredSquare(t: Tape, square: string, mean: string, alpha: number): string {
  const difference = t.sub(square, t.scale(t.mul(mean, mean), 1 - alpha));
  // Rounding may take a variance of 0 below it.
  return t.binary('Max', difference, t.scalar(0));
}

/** Hinton, lecture 6e (2012); centred as in Graves, arXiv:1308.0850, equations 38 to 42, epsilon outside the root. */
export const rmsprop: OptimizerRow<'rmsprop'> = {
  slots: (spec) => ['square', ...(spec.centered ? ['mean'] : []), ...(spec.momentum ? ['velocity'] : [])],
  scalars(spec, learningRate) {
    return { [STEP_SIZE]: learningRate / Math.sqrt(1 - (spec.alpha ?? 0.99)) };
  },
  write(u, spec) {
    const { t } = u;
    const alpha = spec.alpha ?? 0.99;
    const gradient = penalized(u);
    const square = t.add(t.scale(u.slots[0]!, alpha), t.mul(gradient, gradient));
    const slots = [square];
    let variance = square;
    if (spec.centered) {
      const mean = t.add(t.scale(u.slots[1]!, alpha), gradient);
      slots.push(mean);
      variance = centredSquare(t, square, mean, alpha);
    }
    const epsilon = t.scalar((spec.epsilon ?? 1e-8) / Math.sqrt(1 - alpha));
    let direction = t.div(gradient, t.add(t.unary('Sqrt', variance), epsilon));
    if (spec.momentum) {
      direction = t.add(t.scale(u.slots.at(-1)!, spec.momentum), direction);
      slots.push(direction);
    }
    return { parameters: u.descend(direction, scalarInput(t, STEP_SIZE)), slots };
  },
};

/** Duchi, Hazan and Singer 2011; ai.onnx.preview.training Adagrad-1, whose decay_factor is `lrDecay`. */
export const adagrad: OptimizerRow<'adagrad'> = {
  slots: () => ['square'],
  initial: (spec) => spec.initialAccumulator ?? 0,
  scalars: (spec, learningRate, t) => ({ [LEARNING_RATE]: learningRate / (1 + (t - 1) * (spec.lrDecay ?? 0)) }),
  write(u, spec) {
    const { t } = u;
    const gradient = penalized(u);
    const square = t.add(u.slots[0]!, t.mul(gradient, gradient));
    const direction = t.div(gradient, t.add(t.unary('Sqrt', square), t.scalar(spec.epsilon ?? 1e-10)));
    return { parameters: u.descend(direction, scalarInput(t, LEARNING_RATE)), slots: [square] };
  },
};
