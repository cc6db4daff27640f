/**
 * BatchNormalization-15. In training form the operator itself gives the batch statistics where it is told to keep nothing of
 * the running ones (momentum 0): mean and population variance, in two passes that do not cancel. Over few positions, and over
 * none, it costs more than primitives do.
 */
import { attrFloat, attrInt, elementCount, float, int } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import type { Shape, Tape } from '../tape.js';
import { channelAffine, filled } from './channel-affine.js';
import type { Applied, Row, Saved } from './row.js';

const column = (shape: Shape): Shape => shape.map((d, i) => (i === 1 ? d : 1));
const reducedAxes = (shape: Shape): number[] => shape.map((_, i) => i).filter((i) => i !== 1);
const positions = (shape: Shape): number => elementCount(shape.slice(2));

/** Up to this many positions an element-wise operator spends its time on starting a run for each image and channel. */
const SHORT_RUN = 64;

/**
 * A per-channel value [1, C, 1, 1], repeated over few positions: the long runs of [C, H, W] against a batch cost a fourth
 * of the short ones (2x2: 9 against 42 microseconds; 16x16: no difference).
 */
function overPositions(t: Tape, value: string, shape: Shape): string {
  const spatial = shape.slice(2);
  return spatial.length > 0 && elementCount(spatial) <= SHORT_RUN ? t.expand(value, [1, ...shape.slice(1)]) : value;
}

/** From here on a product of rows costs less than what calling it does. */
const LONG_RUN = 32;

/**
 * The sum of a * b for each channel, [C]. Where the step may be written in ONNX Runtime's own operators as a product of each image's
 * row by itself, which writes nothing of the size of a (4x192x4096: 1.1 ms, Mul and ReduceSum 2.6).
 */
function channelProducts(t: Tape, a: string, b: string): string {
  const shape = t.shape(a);
  const [batch, channels] = shape as [number, number];
  if (t.block === 0 || positions(shape) < LONG_RUN)
    return t.reduce('ReduceSum', t.mul(a, b), reducedAxes(shape), false);
  const rows = [a, b].map((value) => t.reshape(value, [batch * channels, 1, positions(shape)]));
  const products = t.declare(t.fresh('products'), [batch * channels, 1, 1]);
  t.node('FusedMatMul', rows, [products], { transB: int(1) }, 'com.microsoft');
  return t.reduce('ReduceSum', t.reshape(products, [batch, channels]), [0], false);
}

/** 1 / sqrt(variance + epsilon) */
function inverseDeviation(t: Tape, variance: string, epsilon: number): string {
  return t.unary('Reciprocal', t.unary('Sqrt', t.add(variance, t.scalar(epsilon))));
}

/** running = running * momentum + batch * (1 - momentum), population variance, as the operator's text has it. */
function updateRunning(t: Tape, state: string, batch: string, momentum: number): void {
  const value = t.reshape(batch, t.shape(state));
  const next = t.add(t.scale(state, momentum), t.scale(value, 1 - momentum));
  t.updates.push({ state, next });
}

/** The mean [C] of a value over all axes but the channels', and the inverse deviation [C], writing the output on the way. */
interface Statistics {
  readonly mean: string;
  readonly variance: string;
}

function writeFused(t: Tape, inputs: readonly string[], output: string, epsilon: number): Statistics {
  const [x, scale, bias] = inputs as [string, string, string];
  const channels = t.shape(x)[1]!;
  const range = t.shape(x).map((_, axis) => axis);
  const [mean, variance] = ['mean', 'variance'].map((stem) => t.declare(t.fresh(stem), [channels])) as [string, string];
  // ONNX Runtime writes the statistics into the memory of those that it reads. So each node gets two values of its own, which
  // depend on what it normalises: equal ones would be merged where two passes share their running statistics.
  const first = t.slice(
    x,
    range,
    range.map(() => 0),
    range.map((axis) => (axis === 1 ? channels : 1)),
    range.map(() => 1),
  );
  const none = t.reshape(t.mul(first, t.scalar(0)), [channels]);
  const nothing = t.unary('Neg', none);
  t.node('BatchNormalization', [x, scale, bias, none, nothing], [output, mean, variance], {
    epsilon: float(epsilon),
    momentum: float(0),
    training_mode: int(1),
  });
  return { mean, variance };
}

function writePrimitives(t: Tape, inputs: readonly string[], output: string, epsilon: number): Statistics {
  const [x, scale, bias] = inputs as [string, string, string];
  const shape = t.shape(x);
  const wide = column(shape);
  const axes = reducedAxes(shape);
  const mean = t.reduce('ReduceMean', x, axes);
  const centered = t.sub(x, overPositions(t, mean, shape));
  const variance = t.reduce('ReduceMean', t.mul(centered, centered), axes);
  const factor = overPositions(t, t.mul(t.reshape(scale, wide), inverseDeviation(t, variance, epsilon)), shape);
  const shift = overPositions(t, t.reshape(bias, wide), shape);
  t.node('Add', [t.mul(centered, factor), shift], [output]);
  const flat = [shape[1]!];
  return { mean: t.reshape(mean, flat), variance: t.reshape(variance, flat) };
}

/** The fused operator starts a run for each image and channel; over a vector or two by two positions that is all it does. */
const FUSED_POSITIONS = 8;

/**
 * What the forward pass kept; for a node that a gradient wrote with constant statistics (`Tape.affine`), those.
 * @throws TrainingError `no-gradient` for one whose statistics follow the batch
 */
function statisticsOf(t: Tape, n: Applied): { mean: string; inverse: string; batch?: string } {
  if (n.saved['mean'] !== undefined) return n.saved as { mean: string; inverse: string; batch?: string };
  const [mean, variance] = n.inputs.slice(3) as [string, string];
  if (attrInt(n.node, 'training_mode', 0) === 1 || !t.initializers.has(mean) || !t.initializers.has(variance))
    throw new TrainingError('no-gradient', `node '${n.node.name}' (BatchNormalization): it has no second derivative`);
  return { mean, inverse: inverseDeviation(t, variance, attrFloat(n.node, 'epsilon', 1e-5)) };
}

export const batchNormalization: Row = {
  forward(t, node, mode): Saved {
    const [x, , , runningMean, runningVariance] = node.inputs as [string, string, string, string, string];
    const epsilon = attrFloat(node, 'epsilon', 1e-5);
    if (mode === 'eval') {
      t.nodes.push(node);
      return { mean: runningMean, inverse: inverseDeviation(t, runningVariance, epsilon) };
    }
    const write = positions(t.shape(x)) >= FUSED_POSITIONS ? writeFused : writePrimitives;
    const { mean, variance } = write(t, node.inputs, node.outputs[0]!, epsilon);
    const momentum = attrFloat(node, 'momentum', 0.9);
    updateRunning(t, runningMean, mean, momentum);
    updateRunning(t, runningVariance, variance, momentum);
    return { mean, inverse: inverseDeviation(t, variance, epsilon), batch: mean };
  },
  vjp(t, n, dy) {
    const [x, scale] = n.inputs as [string, string];
    const shape = t.shape(x);
    const axes = reducedAxes(shape);
    const { mean, inverse, batch } = statisticsOf(t, n);
    const kept = new Map<string, string>();
    const once = (key: string, write: () => string): string => {
      const known = kept.get(key) ?? write();
      kept.set(key, known);
      return known;
    };
    const sum = (): string => once('sum', () => t.reduce('ReduceSum', dy, axes, false));
    /** Sum of dy * (x - mean). */
    const moment = (): string => once('moment', () => t.sub(channelProducts(t, dy, x), t.mul(sum(), mean)));
    const factor = (): string => once('factor', () => t.mul(scale, inverse));
    const input = (): string => {
      if (batch === undefined) return t.mul(dy, t.reshape(factor(), column(shape)));
      // dx = factor * dy + slope * (x - mean) + shift, slope = -factor inverse^2 mean(dy (x - mean)), shift = -factor mean(dy).
      const share = 1 / (elementCount(shape) / shape[1]!);
      const slope = t.mul(t.mul(factor(), t.mul(inverse, inverse)), t.scale(moment(), -share));
      const shift = t.mul(factor(), t.scale(sum(), -share));
      return positions(shape) > SHORT_RUN ? fusedInput(slope, shift) : plainInput(slope, shift);
    };
    const fusedInput = (slope: string, shift: string): string => {
      const none = filled(t, shape[1]!, 0);
      return t.add(channelAffine(t, dy, factor(), shift, none), channelAffine(t, x, slope, none, mean));
    };
    const plainInput = (slope: string, shift: string): string => {
      const wide = (value: string): string => overPositions(t, t.reshape(value, column(shape)), shape);
      const constant = t.sub(shift, t.mul(slope, mean));
      return t.add(t.mul(dy, wide(factor())), t.add(t.mul(x, wide(slope)), wide(constant)));
    };
    return [input, () => t.mul(moment(), inverse), sum, null, null];
  },
};
