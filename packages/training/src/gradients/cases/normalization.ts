import { float, int, ints } from '@verge/onnx';
import type { Mode } from '../row.js';
import type { DifferentiableOp } from '../table.js';
import { positive, smooth, spaced, type Attributes, type Case } from './case.js';

const batch = (text: string, x: number[], mode: Mode): Case => ({
  op: 'BatchNormalization',
  text,
  mode,
  fixed: [3, 4],
  inputs: [
    [x, smooth],
    [[x[1]!], smooth],
    [[x[1]!], smooth],
    [[x[1]!], smooth],
    [[x[1]!], positive],
  ],
});
const affine = (
  op: DifferentiableOp,
  text: string,
  x: number[],
  scale: number[],
  attributes: Attributes = {},
  opset?: number,
): Case => ({
  op,
  text,
  attributes,
  opset,
  inputs: [[x, smooth], [scale, smooth], ...(op === 'RMSNormalization' ? [] : ([[scale, smooth]] as const))],
});
const plain = (op: DifferentiableOp, text: string, x: number[], attributes: Attributes = {}): Case => ({
  op,
  text,
  attributes,
  inputs: [[x, spaced]],
});

export const normalization: readonly Case[] = [
  batch('batch statistics', [4, 2, 2, 3], 'train'),
  batch('batch statistics, two axes', [6, 3], 'train'),
  batch('running statistics', [2, 2, 2, 3], 'eval'),
  affine('LayerNormalization', 'last axis', [2, 3, 4], [4]),
  affine('LayerNormalization', 'last two axes', [2, 3, 4], [3, 4], { axis: int(1), epsilon: float(0.1) }),
  affine('LayerNormalization', 'long rows', [2, 40], [40]),
  { ...affine('LayerNormalization', 'with its statistics', [2, 3, 4], [4]), outputs: 3, reads: [0, 1, 2] },
  {
    op: 'LayerNormalization',
    text: 'no bias',
    inputs: [
      [[3, 4], smooth],
      [[4], smooth],
    ],
  },
  affine('InstanceNormalization', 'images', [2, 2, 2, 3], [2]),
  affine('InstanceNormalization', 'one spatial axis', [2, 3, 5], [3], { epsilon: float(0.1) }),
  affine('GroupNormalization', 'by channel', [2, 4, 2, 2], [4], { num_groups: int(2) }),
  affine('GroupNormalization', 'by group, version 18', [2, 4, 2, 2], [2], { num_groups: int(2) }, 18),
  affine('GroupNormalization', 'no spatial axis', [2, 6], [6], { num_groups: int(2) }),
  affine('RMSNormalization', 'last axis', [2, 3, 4], [4], {}, 23),
  affine('RMSNormalization', 'last two axes', [2, 3, 4], [3, 4], { axis: int(-2), epsilon: float(0.1) }, 23),
  plain('MeanVarianceNormalization', 'default axes', [2, 2, 2, 3]),
  plain('MeanVarianceNormalization', 'own axes', [3, 4], { axes: ints([-1]) }),
  plain('LpNormalization', 'second norm', [2, 3, 2], { axis: int(1) }),
  plain('LpNormalization', 'first norm', [3, 4], { p: int(1) }),
  plain('LRN', 'odd', [2, 4, 2, 2], { size: int(3), alpha: float(0.5), bias: float(1.2) }),
  plain('LRN', 'even, one position', [2, 5], { size: int(2), alpha: float(0.3), beta: float(0.5) }),
];
