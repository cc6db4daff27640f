import { byteLengthOf, tensorOverBytes } from '../../datatypes.js';
import { elementCount, type DataType, type Tensor } from '../../tensor.js';
import { constantPattern, opPattern, valuePattern, type Match, type NodePattern } from '../pattern.js';
import { ACCEPT, decline, type Rule, type Verdict } from '../rewrite.js';
import { everyElementIs } from './constants.js';

/** The most zeros that are stored rather than computed. */
const MOST_ELEMENTS = 1024;
const INTEGERS: readonly DataType[] = ['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'];

function check(match: Match): Verdict {
  const zero = match.constant('zero');
  // A float times zero is not zero for infinities and NaN.
  if (!INTEGERS.includes(zero.dtype)) return decline('the values are not whole numbers');
  if (!everyElementIs(zero, 0)) return decline('the constant is not zero');
  const shape = match.shape(match.root.outputs[0]!);
  const known = shape?.every((d): d is number => typeof d === 'number');
  return known && elementCount(shape as number[]) <= MOST_ELEMENTS
    ? ACCEPT
    : decline('the shape is large or not known');
}

function zeros(match: Match): Tensor {
  const { dtype } = match.constant('zero');
  const dims = match.shape(match.root.outputs[0]!) as number[];
  const bytes = new Uint8Array(byteLengthOf(dtype, elementCount(dims)));
  return tensorOverBytes(dtype as Exclude<DataType, 'string'>, dims, bytes);
}

const rule = (name: string, pattern: NodePattern): Rule => ({
  name,
  pattern,
  check,
  rewrite: (match, builder) => builder.constant(zeros(match), 'zeros'),
});

/** Whole numbers times zero -> zeros. Exporters keep an unused input alive with it. */
export const removeIntegerZero = [
  rule('remove-integer-zero', opPattern('Mul', [valuePattern('x'), constantPattern('zero')], 'product')),
  rule('remove-integer-zero-left', opPattern('Mul', [constantPattern('zero'), valuePattern('x')], 'product')),
];
