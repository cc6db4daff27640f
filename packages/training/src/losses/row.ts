/** What the table of losses knows about one loss. */
import { float32 } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import type { Shape, Tape } from '../tape.js';
import { differentiate } from '../differentiate.js';
import type { LossKind, LossOf } from './spec.js';

/** A loss on the tape. */
export interface Term {
  /** Scalar value. */
  readonly value: string;
  /** Gradient of the value by each value of the network that it reads. */
  readonly gradients: ReadonlyMap<string, string>;
}

export interface LossRow<K extends LossKind> {
  /** Writes value and gradient for a network's output. */
  write(t: Tape, spec: LossOf<K>, output: string): Term;
}

/** A term whose gradient is written by hand because it is shorter than what differentiation writes. */
export function fused(output: string, value: string, gradient: string): Term {
  return { value, gradients: new Map([[output, gradient]]) };
}

/** A term that is written forwards and differentiated on the tape. */
export function derived(t: Tape, sources: readonly string[], write: () => string): Term {
  const { value, gradients } = differentiate(t, sources, write);
  return { value, gradients };
}

export function elements(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Mean over every element, as a scalar. */
export function meanOf(t: Tape, x: string): string {
  return t.reduce(
    'ReduceMean',
    x,
    t.shape(x).map((_, i) => i),
    false,
  );
}

/** Sum over every element, as a scalar. */
export function sumOf(t: Tape, x: string): string {
  return t.reduce(
    'ReduceSum',
    x,
    t.shape(x).map((_, i) => i),
    false,
  );
}

/** @throws TrainingError `bad-model` when the output has another rank */
export function requireRank(t: Tape, kind: LossKind, output: string, axes: readonly string[]): Shape {
  const shape = t.shape(output);
  if (shape.length === axes.length) return shape;
  throw new TrainingError('bad-model', `${kind} needs an output [${axes.join(', ')}], not [${shape.join(', ')}]`);
}

/** Class indices [rows] as rows of 0 and 1; an index outside 0 to classes - 1 gives a row of zeros. */
export function oneHot(t: Tape, labels: string, classes: number): string {
  const shape = t.shape(labels);
  const data = Int32Array.from({ length: classes }, (_, i) => i);
  const range = t.constant({ dtype: 'int32', dims: [classes], data }, 'classes', `classes:${classes}`);
  return t.indicator(t.compare('Equal', t.reshape(labels, [...shape, 1]), range));
}

/**
 * A factor for each class as a row [1, classes].
 * @throws TrainingError `bad-options` when there are more or fewer than classes
 */
export function classFactors(t: Tape, what: string, factors: readonly number[], classes: number): string {
  if (factors.length === classes) return t.constant(float32([1, classes], factors), 'factors');
  throw new TrainingError('bad-options', `${what}: expected ${classes} factors, one a class, not ${factors.length}`);
}
