/**
 * BatchNormalization-15. With training_mode=1 the operator exposes no saved statistics, so its training form is
 * written from primitives, with a two-pass variance (the mean of squared deviations, which does not cancel).
 */
import { attrFloat, elementCount } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import type { Row } from './row.js';

const column = (shape: Shape): Shape => shape.map((d, i) => (i === 1 ? d : 1));
const reducedAxes = (shape: Shape): number[] => shape.map((_, i) => i).filter((i) => i !== 1);

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

export const batchNormalization: Row = {
  forward(t, node, mode) {
    const [x, scale, bias, mean, variance] = node.inputs as [string, string, string, string, string];
    const shape = t.shape(x);
    const epsilon = attrFloat(node, 'epsilon', 1e-5);
    const wide = column(shape);
    if (mode === 'eval') {
      t.nodes.push(node);
      const centered = t.sub(x, overPositions(t, t.reshape(mean, wide), shape));
      return { centered, inverse: inverseDeviation(t, t.reshape(variance, wide), epsilon) };
    }
    const axes = reducedAxes(shape);
    const batchMean = t.reduce('ReduceMean', x, axes);
    const centered = t.sub(x, overPositions(t, batchMean, shape));
    const batchVariance = t.reduce('ReduceMean', t.mul(centered, centered), axes);
    const inverse = inverseDeviation(t, batchVariance, epsilon);
    const factor = overPositions(t, t.mul(t.reshape(scale, wide), inverse), shape);
    const shift = overPositions(t, t.reshape(bias, wide), shape);
    t.node('Add', [t.mul(centered, factor), shift], [node.outputs[0]!]);
    const momentum = attrFloat(node, 'momentum', 0.9);
    updateRunning(t, mean, batchMean, momentum);
    updateRunning(t, variance, batchVariance, momentum);
    return { centered, inverse, factor };
  },
  vjp(t, n, dy) {
    const shape = t.shape(n.inputs[0]!);
    const axes = reducedAxes(shape);
    const channels = [shape[1]!];
    const { centered, inverse, factor } = n.saved as { centered: string; inverse: string; factor?: string };
    const kept = new Map<string, string>();
    const once = (key: string, write: () => string): string => {
      const known = kept.get(key) ?? write();
      kept.set(key, known);
      return known;
    };
    const sum = (): string => once('sum', () => t.reduce('ReduceSum', dy, axes));
    const moment = (): string => once('moment', () => t.reduce('ReduceSum', t.mul(dy, centered), axes));
    const input = (): string => {
      if (factor === undefined) return t.mul(dy, t.mul(t.reshape(n.inputs[1]!, column(shape)), inverse));
      // dx = factor * (dy - mean(dy) - centered * inverse^2 * mean(dy * centered)), per-channel parts first.
      const share = 1 / (elementCount(shape) / shape[1]!);
      const slope = overPositions(t, t.mul(t.mul(inverse, inverse), t.scale(moment(), share)), shape);
      const mean = overPositions(t, t.scale(sum(), share), shape);
      const shifted = t.sub(dy, t.add(t.mul(centered, slope), mean));
      return t.mul(shifted, factor);
    };
    return [input, () => t.reshape(t.mul(moment(), inverse), channels), () => t.reshape(sum(), channels), null, null];
  },
};
