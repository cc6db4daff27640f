import { float, float32, int, int64 } from '@verge/onnx';
import type { DifferentiableOp } from '../table.js';
import { bools, positive, smooth, spaced, unary, uniform, type Case, type Draw } from './case.js';

const binary = (op: DifferentiableOp, b: Draw = smooth): Case[] => [
  {
    op,
    text: 'same shape',
    inputs: [
      [[2, 3], positive],
      [[2, 3], b],
    ],
  },
  {
    op,
    text: 'broadcast both ways',
    inputs: [
      [[2, 1, 3], positive],
      [[4, 1], b],
    ],
  },
];

/** Multiples of 0.3 that lie between those of `spaced`. */
const between: Draw = (r, n) => spaced(r, n).map((v) => v + 0.15);
const inside = uniform(-0.8, 0.8);

const variadic = (op: DifferentiableOp): Case => ({
  op,
  text: 'three operands',
  inputs: [
    [[2, 3], (r, n) => spaced(r, n).map((v) => v * 2)],
    [[3], (r, n) => spaced(r, n).map((v) => v * 2 + 0.2)],
    [[2, 1], (r, n) => spaced(r, n).map((v) => v * 2 + 0.4)],
  ],
});

const extreme = (op: 'Max' | 'Min'): Case[] => [
  {
    op,
    inputs: [
      [[3, 4], spaced],
      [[4], between],
    ],
  },
  { op, text: 'one operand', inputs: [[[3, 4], smooth]] },
  variadic(op),
];

export const elementwise: readonly Case[] = [
  ...binary('Add'),
  ...binary('Sub'),
  ...binary('Mul'),
  ...binary('Div', positive),
  ...binary('Pow'),
  { op: 'Pow', text: 'square of any sign', inputs: [[[3, 4], smooth], float32([], [2])] },
  { op: 'Pow', text: 'integer exponents', inputs: [[[2, 3], smooth], int64([3], [3, 0, 1])] },
  { op: 'Pow', text: 'exponent one', inputs: [[[2, 3], smooth], int64([], [1])] },
  { op: 'Pow', text: 'exponent zero', inputs: [[[2, 3], smooth], float32([1], [0])] },
  { op: 'Pow', text: 'half', inputs: [[[2, 3], positive], float32([], [-0.5])] },
  ...extreme('Max'),
  ...extreme('Min'),
  variadic('Sum'),
  variadic('Mean'),
  {
    op: 'Mod',
    inputs: [
      [[2, 3], (r, n) => spaced(r, n).map((v) => v * 5)],
      [[3], () => Float32Array.of(1.3, -1.7, 2.1)],
    ],
    attributes: { fmod: int(1) },
    step: 0.01,
    tolerance: 2e-4,
  },
  unary('Abs', spaced),
  unary('Neg'),
  unary('Exp'),
  unary('Log', positive),
  unary('Sqrt', positive),
  unary('Reciprocal', positive),
  unary('Erf'),
  unary('Identity'),
  unary('Cast', smooth, { to: int(1) }),
  { op: 'CastLike', inputs: [[[3, 4], smooth], float32([1], [0])] },
  { op: 'Clip', inputs: [[[3, 4], spaced], float32([], [-0.6]), float32([], [0.9])] },
  { op: 'Clip', text: 'no upper bound', inputs: [[[3, 4], spaced], float32([], [0])] },
  {
    op: 'Clip',
    text: 'bounds that are learned',
    inputs: [
      [[3, 4], spaced],
      [[], () => Float32Array.of(-0.6)],
      [[], () => Float32Array.of(0.9)],
    ],
  },
  { op: 'Where', inputs: [bools([3, 1], 1, 0, 1), [[3, 4], smooth], [[4], smooth]] },
  unary('Sin'),
  unary('Cos'),
  unary('Tan', uniform(-1, 1)),
  unary('Asin', inside),
  unary('Acos', inside),
  unary('Atan'),
  unary('Sinh'),
  unary('Cosh'),
  unary('Asinh'),
  unary('Acosh', uniform(1.5, 3)),
  unary('Atanh', uniform(-0.7, 0.7)),
];

export const activations: readonly Case[] = [
  unary('Sigmoid'),
  unary('Tanh'),
  unary('Softplus'),
  unary('Softsign', spaced),
  unary('Relu', spaced),
  unary('LeakyRelu', spaced, { alpha: float(0.2) }),
  {
    op: 'PRelu',
    inputs: [
      [[2, 3, 2], spaced],
      [[3, 1], smooth],
    ],
  },
  unary('Elu', spaced, { alpha: float(0.7) }),
  unary('Selu', spaced),
  unary('Selu', spaced, { alpha: float(1.5), gamma: float(1.2) }, 'own factors'),
  unary('Celu', spaced, { alpha: float(0.7) }),
  unary('ThresholdedRelu', spaced, { alpha: float(0.6) }),
  unary('Shrink', spaced, { lambd: float(0.6), bias: float(0.2) }),
  unary('HardSigmoid', spaced),
  unary('HardSwish', (r, n) => spaced(r, n).map((v) => v * 2)),
  { ...unary('Swish', smooth, { alpha: float(1.3) }), opset: 24 },
  unary('Mish'),
  unary('Gelu'),
  unary('Gelu', smooth, { approximate: { kind: 'string', value: 'tanh' } }, 'tanh'),
  { op: 'Softmax', inputs: [[[3, 4], smooth]] },
  { op: 'Softmax', text: 'axis 1 of 3', inputs: [[[2, 3, 2], smooth]], attributes: { axis: int(1) } },
  { op: 'LogSoftmax', inputs: [[[3, 4], smooth]] },
  { op: 'LogSoftmax', text: 'first axis', inputs: [[[3, 4], smooth]], attributes: { axis: int(0) } },
  { op: 'Dropout', mode: 'train', inputs: [[[4, 8], smooth], float32([], [0.4])] },
  { op: 'Dropout', text: 'in inference', mode: 'eval', inputs: [[[2, 3], smooth], float32([], [0.4])] },
];

/** Values as far from every integer and half as a step reaches. */
const quarters: Draw = (r, n) => spaced(r, n).map((v) => Math.round(v) + 0.25);
const versus = (op: DifferentiableOp): Case => ({
  op,
  inputs: [
    [[3, 4], spaced],
    [[4], between],
  ],
  cast: true,
});

/** What is constant between its jumps: differences and gradient are zero. */
export const flat: readonly Case[] = [
  unary('Sign', spaced),
  unary('Floor', quarters),
  unary('Ceil', quarters),
  unary('Round', quarters),
  unary('Hardmax', spaced),
  unary('EyeLike', spaced),
  ...(['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'] as const).map(versus),
  ...(['ArgMax', 'ArgMin', 'Shape', 'Size', 'IsInf', 'IsNaN'] as const).map((op) => ({
    ...unary(op, spaced),
    cast: true,
  })),
];
