import { int, int64, ints } from '@verge/onnx';
import type { DifferentiableOp } from '../table.js';
import { list, positive, smooth, spaced, type Case, type Draw } from './case.js';

const reductions = (op: DifferentiableOp, draw: Draw = smooth): Case[] => [
  { op, text: 'two axes', inputs: [[[2, 3, 4], draw], list(0, -1)] },
  { op, text: 'an axis dropped', inputs: [[[2, 3], draw], list(1)], attributes: { keepdims: int(0) } },
  { op, text: 'all axes, dropped', inputs: [[[2, 3], draw]], attributes: { keepdims: int(0) } },
];

/** The first of three columns holds one 0, the second two. */
const withZeros: Draw = () => Float32Array.of(0, 0, 1.2, 0.7, 0, -0.8, -1.1, 1.3, 0.9);

const running = (text: string, exclusive: number, reverse: number): Case => ({
  op: 'CumSum',
  text,
  inputs: [[[2, 4], smooth], int64([], [1])],
  attributes: { exclusive: int(exclusive), reverse: int(reverse) },
});

export const reduction: readonly Case[] = [
  ...reductions('ReduceSum'),
  ...reductions('ReduceMean'),
  ...reductions('ReduceMax', spaced),
  ...reductions('ReduceMin', spaced),
  ...reductions('ReduceProd'),
  { op: 'ReduceProd', text: 'zeros', inputs: [[[3, 3], withZeros], list(0)] },
  ...reductions('ReduceL1', spaced),
  ...reductions('ReduceL2'),
  ...reductions('ReduceLogSum', positive),
  ...reductions('ReduceLogSumExp'),
  ...reductions('ReduceSumSquare'),
  {
    op: 'ReduceSum',
    text: 'nothing to do',
    inputs: [[[2, 3], smooth]],
    attributes: { noop_with_empty_axes: int(1) },
  },
  { op: 'ReduceMean', text: 'version 13', opset: 13, inputs: [[[2, 3], smooth]], attributes: { axes: ints([1]) } },
  running('forwards', 0, 0),
  running('exclusive', 1, 0),
  running('reverse', 0, 1),
  running('both', 1, 1),
  {
    op: 'CumSum',
    text: 'first axis',
    inputs: [[[3, 2], smooth], { dtype: 'int32', dims: [], data: Int32Array.of(-2) }],
  },
];
