/**
 * One direction of a recurrent node, seen after its run. The fused operators hide their gates, but once all hidden states
 * are known, no step waits for another any more: the gates of all steps are recomputed by a few large products over
 * [steps * batch] rows, and only the walk backwards goes step by step.
 */
import { type DataType, int } from '@verge/onnx';
import type { Tape } from '../tape.js';
import type { Activation, Recurrent } from './recurrent-node.js';

/** Values of one direction. A row is one sample at one step; rows of a step lie together. */
export interface Lane {
  readonly of: Recurrent;
  readonly reverse: boolean;
  readonly activations: readonly Activation[];
  /** [rows, features] */
  readonly x: string;
  /** Hidden states after each step and before it, [rows, hidden]. */
  readonly y: string;
  readonly previous: string;
  /** x and previous side by side, [rows, features + hidden]: what both W and R are multiplied with. */
  readonly joined: string;
  /** [gates * hidden, features], [gates * hidden, hidden] */
  readonly w: string;
  readonly r: string;
  /** Biases beside W and R, [gates * hidden]. */
  readonly wb?: string;
  readonly rb?: string;
  /** LSTM: [batch, hidden]; [3 * hidden], for i, o, f. */
  readonly initialCell: string;
  readonly peephole?: string;
  /** 1 where a sample has this step and 0 past its end, and the opposite, [rows, 1]; absent when all have all steps. */
  readonly on?: string;
  readonly off?: string;
}

/** Names of a node's values as the lane needs them, steps first. */
export interface LaneSources {
  readonly x: string;
  /** [steps, directions, batch, hidden] */
  readonly y: string;
  readonly w: string;
  readonly r: string;
  readonly b?: string;
  readonly lengths?: string;
  readonly initialHidden?: string;
  readonly initialCell?: string;
  readonly peephole?: string;
}

/** Entry `index` of the axis, which is dropped. */
export function pick(t: Tape, value: string, axis: number, index: number): string {
  const shape = t.shape(value);
  const part = t.slice(value, [axis], [index], [index + 1], [1]);
  return t.reshape(
    part,
    shape.filter((_, i) => i !== axis),
  );
}

/** Rows [from, to) of a matrix or elements of a vector. */
export function rowsOf(t: Tape, value: string, from: number, to: number): string {
  return t.slice(value, [0], [from], [to], [1]);
}

/** 1 where step < length, [steps * batch, 1]. */
function presence(t: Tape, of: Recurrent, lengths: string): string {
  const data = Int32Array.from({ length: of.steps }, (_, i) => i);
  const step = t.constant({ dtype: 'int32', dims: [of.steps, 1], data }, 'steps', `steps:${of.steps}`);
  const on = t.indicator(t.compare('Less', step, t.reshape(lengths, [1, of.batch])));
  return t.reshape(on, [of.steps * of.batch, 1]);
}

/** The hidden state before each step. Past a sample's end the operator wrote zeros, where the initial state held. */
function previousOf(t: Tape, of: Recurrent, reverse: boolean, y: string, initial?: string, off?: string): string {
  const { steps, batch, hidden } = of;
  const first = initial ?? t.zeros([batch, hidden]);
  if (steps === 1) return first;
  if (!reverse) return t.concat([first, rowsOf(t, y, 0, (steps - 1) * batch)], 0);
  let later = rowsOf(t, y, batch, steps * batch);
  if (off && initial) {
    const held = t.mul(t.reshape(rowsOf(t, off, batch, steps * batch), [steps - 1, batch, 1]), initial);
    later = t.add(later, t.reshape(held, [(steps - 1) * batch, hidden]));
  }
  return t.concat([later, first], 0);
}

/** Cuts direction `d` out of a node's values. */
export function laneOf(t: Tape, of: Recurrent, s: LaneSources, d: number): Lane {
  const { steps, batch, hidden, features, gates } = of;
  const reverse = of.reverse[d]!;
  const on = s.lengths === undefined ? undefined : presence(t, of, s.lengths);
  const off = on && t.sub(t.scalar(1), on);
  const y = t.reshape(pick(t, s.y, 1, d), [steps * batch, hidden]);
  const initial = s.initialHidden && pick(t, s.initialHidden, 0, d);
  const bias = s.b && pick(t, s.b, 0, d);
  const x = t.reshape(s.x, [steps * batch, features]);
  const previous = previousOf(t, of, reverse, y, initial, off);
  return {
    of,
    reverse,
    activations: of.activations[d]!,
    x,
    y,
    previous,
    joined: t.concat([x, previous], 1),
    w: pick(t, s.w, 0, d),
    r: pick(t, s.r, 0, d),
    wb: bias && rowsOf(t, bias, 0, gates * hidden),
    rb: bias && rowsOf(t, bias, gates * hidden, 2 * gates * hidden),
    initialCell: s.initialCell ? pick(t, s.initialCell, 0, d) : t.zeros([batch, hidden]),
    peephole: s.peephole && pick(t, s.peephole, 0, d),
    on,
    off,
  };
}

/** x times the matrix w, or its transpose, plus `added`. */
export function product(t: Tape, x: string, w: string, added?: string, transposed = true): string {
  const shape = [t.shape(x)[0]!, t.shape(w)[transposed ? 0 : 1]!];
  return t.emit('Gemm', added === undefined ? [x, w] : [x, w, added], shape, { transB: int(transposed ? 1 : 0) });
}

/** The sum of what is there. */
export function sumOf(t: Tape, ...parts: readonly (string | undefined)[]): string | undefined {
  return parts.reduce((sum, p) => (sum === undefined || p === undefined ? (sum ?? p) : t.add(sum, p)), undefined);
}

/** Cuts [steps * batch, width] into its steps. */
export function perStep(t: Tape, value: string, steps: number): string[] {
  if (steps === 1) return [value];
  const [rows, ...rest] = t.shape(value) as [number, ...number[]];
  const dtype: DataType = t.types.get(value) ?? 'float32';
  const parts = Array.from({ length: steps }, () => t.declare(t.fresh('step'), [rows / steps, ...rest], dtype));
  t.node('Split', [value], parts, { axis: int(0), num_outputs: int(steps) });
  return parts;
}

export interface Gate {
  readonly value: string;
  /** 1 - value */
  rest(): string;
  /** Derivative by the argument. */
  slope(): string;
}

/** An activation of clipped arguments. */
export function gate(t: Tape, lane: Lane, activation: Activation, argument: string): Gate {
  const { clip } = lane.of;
  const bounded =
    clip === undefined ? argument : t.emit('Clip', [argument, t.scalar(-clip), t.scalar(clip)], t.shape(argument));
  const value = activation.value(t, bounded);
  let rest: string | undefined;
  const complement = (): string => (rest ??= t.sub(t.scalar(1), value));
  const slope = (): string => activation.slope(t, value, complement);
  if (clip === undefined) return { value, rest: complement, slope };
  const free = (): string => t.indicator(t.compare('Less', t.unary('Abs', argument), t.scalar(clip)));
  return { value, rest: complement, slope: () => t.mul(slope(), free()) };
}

/** The argument of the gates in block `index`: x W^T + h R^T + biases, as one product. */
export function gateArgument(t: Tape, lane: Lane, index: number): string {
  const { hidden } = lane.of;
  const block = (value: string): string => rowsOf(t, value, index * hidden, (index + 1) * hidden);
  const bias = lane.wb && lane.rb && t.add(block(lane.wb), block(lane.rb));
  return product(t, lane.joined, t.concat([block(lane.w), block(lane.r)], 1), bias);
}

/** Gradient of the arguments of some gates, [rows, at least columns], of which the first `columns` count. */
export interface Part {
  readonly gradient: string;
  readonly columns: number;
  /** What the weights were multiplied with, [rows, features] or [rows, hidden]. */
  readonly operand: string;
}

/** Gradients of one direction; the parts lie in the order of the rows of W and R. */
export interface LaneGradient {
  readonly byInput: readonly Part[];
  readonly byHidden: readonly Part[];
  readonly initialHidden: () => string;
  readonly initialCell?: () => string;
  /** [3 * hidden] */
  readonly peephole?: () => string;
}

/** All gates alike: what W and R made is added up, and R reads the state before the step. */
export function alike(
  t: Tape,
  lane: Lane,
  ...gradients: readonly string[]
): Pick<LaneGradient, 'byInput' | 'byHidden'> {
  const parts = (operand: string): Part[] =>
    gradients.map((gradient) => ({ gradient, columns: t.shape(gradient)[1]!, operand }));
  return { byInput: parts(lane.x), byHidden: parts(lane.previous) };
}
