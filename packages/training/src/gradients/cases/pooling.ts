import { int, ints, str, type Attribute } from '@verge/onnx';
import type { DifferentiableOp } from '../table.js';
import { smooth, spaced, type Case, type Draw } from './case.js';

const square = (kernel: number, stride: number, more: Record<string, Attribute> = {}): Record<string, Attribute> => ({
  kernel_shape: ints([kernel, kernel]),
  strides: ints([stride, stride]),
  ...more,
});
const padded = { pads: ints([1, 1, 1, 1]) };
const ceil = { ceil_mode: int(1) };

/** The windows that every kind of pool is tried with. */
const windows: readonly [string, number[], Record<string, Attribute>][] = [
  ['tiling', [2, 2, 4, 4], square(2, 2)],
  ['overlapping, padded', [2, 2, 5, 5], square(3, 2, padded)],
  ['with a remainder', [1, 2, 5, 5], square(2, 2)],
  ['ceil_mode', [1, 2, 5, 5], square(2, 2, ceil)],
  ['ceil_mode, padded', [1, 1, 6, 6], square(3, 2, { ...padded, ...ceil })],
  ['dilated', [1, 2, 5, 6], { kernel_shape: ints([2, 2]), dilations: ints([2, 3]) }],
  ['SAME_UPPER', [1, 1, 5, 4], square(3, 2, { auto_pad: str('SAME_UPPER') })],
  ['one spatial axis', [2, 2, 7], { kernel_shape: ints([3]), strides: ints([2]), pads: ints([1, 1]) }],
  ['three spatial axes', [1, 2, 3, 4, 3], { kernel_shape: ints([2, 2, 2]), strides: ints([1, 2, 1]) }],
];

const pools = (op: DifferentiableOp, draw: Draw, more: Record<string, Attribute> = {}): Case[] =>
  windows.map(([text, x, attributes]) => ({ op, text, attributes: { ...attributes, ...more }, inputs: [[x, draw]] }));

const largePositive: Draw = (r, n) => spaced(r, n).map((v) => 0.5 + Math.abs(v) / 4);

export const pooling: readonly Case[] = [
  ...pools('MaxPool', spaced),
  {
    op: 'MaxPool',
    text: 'column-major indices',
    attributes: square(2, 1, { storage_order: int(1) }),
    inputs: [[[2, 1, 3, 4], spaced]],
    outputs: 2,
  },
  ...pools('AveragePool', smooth),
  {
    op: 'AveragePool',
    text: 'pads counted',
    attributes: square(3, 1, { ...padded, count_include_pad: int(1) }),
    inputs: [[[1, 2, 4, 4], smooth]],
  },
  {
    op: 'AveragePool',
    text: 'pads counted, ceil_mode',
    attributes: square(3, 2, { ...padded, ...ceil, count_include_pad: int(1) }),
    inputs: [[[1, 1, 6, 5], smooth]],
  },
  ...pools('LpPool', largePositive),
  {
    op: 'LpPool',
    text: 'third norm',
    attributes: square(2, 2, { p: int(3) }),
    inputs: [[[1, 2, 4, 4], (r, n) => spaced(r, n).map((v) => v + 0.5 * Math.sign(v))]],
  },
  { op: 'LpPool', text: 'first norm', attributes: square(2, 2, { p: int(1) }), inputs: [[[1, 1, 4, 4], spaced]] },
  { op: 'GlobalAveragePool', inputs: [[[2, 3, 2, 3], smooth]] },
  { op: 'GlobalMaxPool', inputs: [[[2, 2, 2, 3], spaced]] },
  { op: 'GlobalMaxPool', text: 'one spatial axis', inputs: [[[2, 2, 4], spaced]] },
  { op: 'GlobalLpPool', inputs: [[[2, 2, 2, 3], smooth]] },
  { op: 'GlobalLpPool', text: 'third norm', attributes: { p: int(3) }, inputs: [[[1, 2, 2, 3], largePositive]] },
];
