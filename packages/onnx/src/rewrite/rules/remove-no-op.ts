import { attrInts, attrString } from '../../attributes.js';
import type { Node } from '../../ir.js';
import { opPattern, valuePattern } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import type { GraphView } from '../view.js';
import { everyElementIs, sameShape, shapeOf, wholeNumbers } from './constants.js';

/** Whether a node of this operator hands its first input on unchanged. */
type Test = (node: Node, view: GraphView) => boolean;

const keepsShape: Test = (node, view) => sameShape(shapeOf(view, node.inputs[0]), shapeOf(view, node.outputs[0]));

const keepsType: Test = (node, view) => {
  const [from, to] = [view.type(node.inputs[0]!), view.type(node.outputs[0]!)];
  return from?.kind === 'tensor' && to?.kind === 'tensor' && from.dtype !== null && from.dtype === to.dtype;
};

const onlyInput: Test = (node) => node.inputs.filter((name) => name !== '').length === 1;

const identityPermutation: Test = (node, view) => {
  const rank = shapeOf(view, node.inputs[0])?.length;
  const perm = attrInts(node, 'perm', []);
  return perm.length === 0 ? rank !== undefined && rank <= 1 : perm.every((axis, i) => axis === i);
};

/** Slice-10: starts, ends and steps are inputs. A whole slice keeps the shape, and so does its reverse. */
const wholeSlice: Test = (node, view) => {
  const steps = node.inputs[4] ? wholeNumbers(view, node.inputs[4]) : [];
  if (view.opset < 10 || !steps?.every((s) => s === 1)) return false;
  const [starts, ends] = [wholeNumbers(view, node.inputs[1]), wholeNumbers(view, node.inputs[2])];
  // Exporters write the largest number for 'to the end'; no axis is as long.
  const open = starts?.every((s) => s === 0) && ends?.every((e) => e >= 2 ** 31 - 1);
  return open === true || keepsShape(node, view);
};

/** Pad-11: pads are the second input; before, an attribute. */
const noPadding: Test = (node, view) => {
  if (view.opset < 11) return attrInts(node, 'pads', [1]).every((p) => p === 0);
  const pads = node.inputs[1] ? view.constant(node.inputs[1]) : null;
  return pads !== null && everyElementIs(pads, 0);
};

const windowOfOne: Test = (node, view) =>
  node.outputs.slice(1).every((name) => name === '') &&
  attrString(node, 'auto_pad', 'NOTSET') !== 'VALID' &&
  attrInts(node, 'kernel_shape', [0]).every((k) => k === 1) &&
  keepsShape(node, view) &&
  attrInts(node, 'strides', []).every((s) => s === 1);

/** Clip-11: the bounds are inputs; before, attributes. */
const noBounds: Test = (node, view) =>
  view.opset < 11
    ? !node.attributes.has('min') && !node.attributes.has('max')
    : node.inputs.slice(1).every((name) => name === '');

/** A mean, sum, product or extremum over axes of size 1. */
const reducesNothing: Test = keepsShape;

const TESTS: Readonly<Record<string, Test>> = {
  AveragePool: windowOfOne,
  Cast: keepsType,
  CastLike: keepsType,
  Clip: noBounds,
  Concat: onlyInput,
  Expand: keepsShape,
  Flatten: keepsShape,
  GlobalAveragePool: keepsShape,
  GlobalMaxPool: keepsShape,
  Max: onlyInput,
  MaxPool: windowOfOne,
  Mean: onlyInput,
  Min: onlyInput,
  Pad: noPadding,
  ReduceMax: reducesNothing,
  ReduceMean: reducesNothing,
  ReduceMin: reducesNothing,
  ReduceProd: reducesNothing,
  ReduceSum: reducesNothing,
  Reshape: keepsShape,
  Slice: wholeSlice,
  Split: (node) => node.outputs.length === 1,
  Squeeze: keepsShape,
  Sum: onlyInput,
  Tile: keepsShape,
  Transpose: identityPermutation,
  Unsqueeze: keepsShape,
};

/** A node that changes neither the elements of its input nor their shape -> the input. */
export const removeNoOp: Rule = {
  name: 'remove-no-op',
  pattern: opPattern(Object.keys(TESTS).join('|'), [valuePattern('x')], 'node'),
  check: ({ root, view }) => (TESTS[root.op]!(root, view) ? ACCEPT : decline('it may change its input')),
  rewrite: (match) => match.value('x'),
};
