/** Layers over series, [steps, features] a sample. */
import { float32, int, int64, ints, str } from '@verge/onnx';
import type { Net, Signal } from './net.js';

export interface Presence {
  /** 1 for the steps of a sample and 0 for its padding, ['N', steps, 1]. */
  readonly mask: Signal;
  /** int32 ['N'], at least 1. */
  readonly lengths: string;
}

/** Finds the length of each sample: it ends with its last step that is not all zeros. */
export function presence(net: Net, x: Signal): Presence {
  const steps = x.shape[0]!;
  const count = Float32Array.from({ length: steps }, (_, i) => i + 1);
  const position = net.constant(float32([1, steps, 1], count), 'positions');
  const size = net.op('ReduceMax', [net.op('Abs', [x], x.shape, 'size'), axis(net, 2)], [steps, 1], 'largest');
  const used = net.op('Greater', [size, net.constant(float32([], [0]), 'zero')], [steps, 1], 'used');
  const reached = net.op('Mul', [toFloat(net, used, 'used.number'), position], [steps, 1], 'reached');
  const last = net.op('ReduceMax', [reached, axis(net, 1)], [1, 1], 'last');
  const length = net.op('Max', [last, net.constant(float32([], [1]), 'one')], [1, 1], 'length');
  const inside = net.op('LessOrEqual', [position, length], [steps, 1], 'inside');
  const flat = net.op('Reshape', [length, net.constant(int64([1], [-1]), 'flat')], [], 'length.flat');
  // TensorProto.DataType.INT32 is 6.
  const lengths = net.op('Cast', [flat], [], 'lengths', { to: int(6) });
  return { mask: toFloat(net, inside, 'mask'), lengths: lengths.name };
}

/** TensorProto.DataType.FLOAT is 1. */
const toFloat = (net: Net, x: Signal, name: string): Signal => net.op('Cast', [x], x.shape, name, { to: int(1) });

const axis = (net: Net, index: number): string => net.constant(int64([1], [index]), 'axis');

/** One vector of [steps, features]: that of the last step, or the mean of all; of the steps that are there. */
export function pooled(net: Net, x: Signal, how: string, present?: Presence): Signal {
  const [steps, features] = x.shape as [number, number];
  const drop = { keepdims: int(0) };
  if (how === 'mean') {
    if (!present) return net.op('ReduceMean', [x, axis(net, 1)], [features], 'mean', drop);
    const kept = net.op('Mul', [x, present.mask], x.shape, 'kept');
    const sum = net.op('ReduceSum', [kept, axis(net, 1)], [features], 'sum', drop);
    const count = net.op('ReduceSum', [present.mask, axis(net, 1)], [1], 'count', drop);
    return net.op('Div', [sum, count], [features], 'mean');
  }
  if (!present) {
    const last = net.op('Slice', [x, ...[steps - 1, steps, 1].map((v) => axis(net, v))], [1, features], 'last');
    return net.flatten(last, 'last.flat');
  }
  // The mask falls from 1 to 0 once: what it loses by a shift to the left stands at the last step.
  const shifted = net.op('Slice', [present.mask, ...[1, steps, 1].map((v) => axis(net, v))], [steps - 1, 1], 'shifted');
  const pads = net.constant(int64([6], [0, 0, 0, 0, 1, 0]), 'pads');
  const next = net.op('Pad', [shifted, pads], [steps, 1], 'next');
  const only = net.op('Mul', [x, net.op('Sub', [present.mask, next], [steps, 1], 'only')], x.shape, 'chosen');
  return net.op('ReduceSum', [only, axis(net, 1)], [features], 'last', drop);
}

export type Cell = 'lstm' | 'gru' | 'rnn';

const gates: Readonly<Record<Cell, number>> = { lstm: 4, gru: 3, rnn: 1 };

export interface RecurrentOptions {
  readonly cell: Cell;
  readonly hidden: number;
  readonly bidirectional: boolean;
  /** int32 ['N'] */
  readonly lengths?: string;
}

/**
 * One recurrent layer over [steps, 'N', features].
 * @param whole all hidden states, steps first, or else those behind the last step of each direction, ['N', features]
 */
export function recurrentLayer(net: Net, x: Signal, name: string, o: RecurrentOptions, whole: boolean): Signal {
  const { cell, hidden } = o;
  const [steps, features] = x.shape as [number, number];
  const directions = o.bidirectional ? 2 : 1;
  const rows = gates[cell] * hidden;
  const op = cell.toUpperCase();
  const layer = { op, dims: [directions, rows, features] };
  const w = net.drawn(`${name}.weight`, layer);
  const r = net.drawn(`${name}.recurrence`, { op, dims: [directions, rows, hidden] });
  // The forget gates of an LSTM (i, o, f, c) start open (Jozefowicz, Zaremba and Sutskever 2015) unless biases are drawn.
  const open = (i: number): number => (cell === 'lstm' && Math.floor((i % (2 * rows)) / hidden) === 2 ? 1 : 0);
  const b = net.bias(`${name}.bias`, [directions, 2 * rows], layer, open);
  const inputs = [x.name, w, r, b, ...(o.lengths === undefined ? [] : [o.lengths])];
  const attributes = {
    hidden_size: int(hidden),
    direction: o.bidirectional ? str('bidirectional') : undefined,
    linear_before_reset: cell === 'gru' ? int(1) : undefined,
  };
  const outputs = net.outputs(op, inputs, whole ? [true] : [false, true], name, attributes);
  const width = directions * hidden;
  if (!whole) {
    const swapped = net.op('Transpose', [outputs[1]!], [], `${name}.batch-first`, { perm: ints([1, 0, 2]) });
    const shape = net.constant(int64([2], [-1, width]), `${name}.shape`);
    return net.op('Reshape', [swapped, shape], [width], `${name}.state`);
  }
  const swapped = net.op('Transpose', [outputs[0]!], [], `${name}.join`, { perm: ints([0, 2, 1, 3]) });
  const shape = net.constant(int64([3], [steps, -1, width]), `${name}.shape`);
  return net.op('Reshape', [swapped, shape], [steps, width], `${name}.states`);
}
