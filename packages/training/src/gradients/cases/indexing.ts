import { int, int64, ints, str } from '@verge/onnx';
import type { DifferentiableOp } from '../table.js';
import { list, smooth, spaced, type Case, type Draw } from './case.js';

const scatter = (
  op: DifferentiableOp,
  reduction: string,
  indices: ReturnType<typeof int64>,
  updates: number[],
): Case => ({
  op,
  text: reduction,
  attributes: { reduction: str(reduction) },
  inputs: [[[3, 4], smooth], indices, [updates, smooth]],
});

/** Places in and around an image, none of them near the middle or the edge of an element of an axis of 2, 3 or 4. */
const places: Draw = (r, n) => Float32Array.from(r.permutation(n), (i) => ((i * 7) % 13) * 0.19 - 1.14 + 0.013 * i);

export const indexing: readonly Case[] = [
  { op: 'Gather', inputs: [[[4, 3], smooth], int64([2, 2], [0, 2, 2, -1])] },
  { op: 'Gather', text: 'axis 1', inputs: [[[2, 4, 3], smooth], list(3, 1, 3)], attributes: { axis: int(1) } },
  {
    op: 'Gather',
    text: 'int32, scalar index',
    inputs: [[[4, 3], smooth], { dtype: 'int32', dims: [], data: Int32Array.of(2) }],
  },
  {
    op: 'GatherElements',
    inputs: [[[3, 4], smooth], int64([2, 4], [0, 2, -1, 1, 0, 1, 2, 1])],
  },
  {
    op: 'GatherElements',
    text: 'last axis',
    inputs: [[[2, 3], smooth], int64([2, 4], [0, 2, 2, 1, 0, 0, 2, -2])],
    attributes: { axis: int(-1) },
  },
  { op: 'GatherND', inputs: [[[3, 4, 2], smooth], int64([3, 2], [0, 1, 2, -1, 0, 1])] },
  { op: 'GatherND', text: 'slices', inputs: [[[3, 2, 2], smooth], int64([2, 2, 1], [0, 2, 2, 1])] },
  {
    op: 'GatherND',
    text: 'one batch axis',
    inputs: [[[2, 3, 2], smooth], int64([2, 2, 1], [0, 2, 1, 1])],
    attributes: { batch_dims: int(1) },
  },
  {
    op: 'GatherND',
    text: 'two batch axes',
    inputs: [[[2, 2, 3], smooth], int64([2, 2, 1], [0, 2, 1, 0])],
    attributes: { batch_dims: int(2) },
  },
  scatter('ScatterElements', 'none', int64([2, 3], [0, 1, 2, 2, 0, -2]), [2, 3]),
  scatter('ScatterElements', 'add', int64([2, 3], [0, 1, 2, 0, 1, 1]), [2, 3]),
  scatter('ScatterND', 'none', int64([2, 1], [0, -1]), [2, 4]),
  scatter('ScatterND', 'add', int64([3, 2], [0, 1, 0, 1, 2, 3]), [3]),
  { op: 'TopK', inputs: [[[3, 5], spaced], list(2)], outputs: 2 },
  {
    op: 'TopK',
    text: 'smallest, first axis',
    inputs: [[[4, 2], spaced], list(2)],
    attributes: { axis: int(0), largest: int(0) },
    outputs: 2,
  },
  { op: 'OneHot', inputs: [list(1, 0, -1), list(3), [[2], smooth]] },
  {
    op: 'OneHot',
    text: 'first axis',
    inputs: [int64([2, 2], [1, 0, 5, 2]), list(3), [[2], smooth]],
    attributes: { axis: int(0) },
  },
  {
    op: 'MaxUnpool',
    inputs: [[[1, 2, 2, 1], smooth], int64([1, 2, 2, 1], [0, 7, 8, 13])],
    attributes: { kernel_shape: ints([2, 2]), strides: ints([2, 2]) },
  },
  {
    op: 'ReverseSequence',
    inputs: [[[4, 3, 2], smooth], list(4, 1, 3)],
    attributes: { time_axis: int(0), batch_axis: int(1) },
  },
  ...(['zeros', 'border', 'reflection'] as const).flatMap((padding) =>
    [0, 1].map((corners): Case => ({
      op: 'GridSample',
      text: `${padding}, align_corners ${corners}`,
      opset: 20,
      attributes: { padding_mode: str(padding), align_corners: int(corners) },
      inputs: [
        [[2, 2, 3, 4], smooth],
        [[2, 2, 2, 2], places],
      ],
      step: 0.005,
      tolerance: 5e-4,
    })),
  ),
  {
    op: 'GridSample',
    text: 'nearest',
    opset: 20,
    attributes: { mode: str('nearest') },
    inputs: [
      [[1, 2, 3, 4], smooth],
      [[1, 2, 2, 2], places],
    ],
    step: 0.005,
  },
  {
    op: 'GridSample',
    text: 'three spatial axes',
    opset: 20,
    inputs: [
      [[1, 1, 2, 3, 2], smooth],
      [[1, 1, 2, 2, 3], places],
    ],
    step: 0.005,
    tolerance: 5e-4,
  },
];
