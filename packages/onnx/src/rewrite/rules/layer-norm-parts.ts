/** A layer normalisation that an exporter wrote as its arithmetic: what it normalises, over which axes, and its constants. */
import { attrInt, attrInts } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import type { Dim, Node } from '../../ir.js';
import type { Tensor } from '../../tensor.js';
import { constantPattern, either, eitherWay, opPattern, valuePattern, type Match } from '../pattern.js';
import type { GraphView } from '../view.js';
import { numberOf, shapeOf, wholeNumbers } from './constants.js';

const x = valuePattern('x');
const mean = opPattern('ReduceMean', [x], 'mean');
const centred = opPattern('Sub', [x, mean], 'centred');
const square = either(
  opPattern('Pow', [centred, constantPattern('two')], 'square'),
  opPattern('Mul', [centred, centred], 'square'),
);
const variance = opPattern('ReduceMean', [square], 'variance');
const raised = eitherWay('Add', [variance, constantPattern('epsilon')], 'raised');
const deviation = either(
  opPattern('Sqrt', [raised], 'deviation'),
  opPattern('Pow', [raised, constantPattern('half')], 'deviation'),
);
const inverse = either(
  opPattern('Reciprocal', [deviation], 'inverse'),
  opPattern('Div', [constantPattern('one'), deviation], 'inverse'),
  opPattern('Pow', [raised, constantPattern('minusHalf')], 'inverse'),
);

/** (x - mean) / deviation. */
export const NORMALISED = {
  'layer-norm-without-scale': opPattern('Div', [centred, deviation], 'normalised'),
  'layer-norm-without-scale-inverse': eitherWay('Mul', [centred, inverse], 'normalised'),
} as const;
const normalised = either(...Object.values(NORMALISED));

const scale = valuePattern('scale');
const gain = either(eitherWay('Mul', [inverse, scale], 'gain'), opPattern('Div', [scale, deviation], 'gain'));

/** Spellings with the scale; that of Keras multiplies x by scale / deviation and adds the shift less the mean times that. */
export const SCALED = {
  'layer-norm-from-parts': eitherWay('Mul', [normalised, scale], 'root'),
  'layer-norm-from-parts-gain': eitherWay('Mul', [centred, gain], 'root'),
  'layer-norm-from-parts-shift': eitherWay(
    'Add',
    [
      eitherWay('Mul', [x, gain], 'product'),
      opPattern('Sub', [valuePattern('bias'), eitherWay('Mul', [mean, gain], 'shift')], 'rest'),
    ],
    'root',
  ),
  'layer-norm-from-parts-difference': opPattern(
    'Sub',
    [eitherWay('Mul', [x, gain], 'product'), eitherWay('Mul', [mean, gain], 'shift')],
    'root',
  ),
} as const;

/** Halves are left: LayerNormalization computes in float32 there, the parts do not. */
const PRECISE = ['float32', 'float64'];

/** What each of these constants must be; a spelling has some of them. */
const EXPECTED: readonly (readonly [string, number])[] = [
  ['two', 2],
  ['half', 0.5],
  ['one', 1],
  ['minusHalf', -0.5],
];

function axesOf(node: Node, match: Match): number[] | null {
  if (attrInt(node, 'keepdims', 1) !== 1 || attrInt(node, 'noop_with_empty_axes', 0) !== 0) return null;
  return node.inputs[1] ? wholeNumbers(match.view, node.inputs[1]) : [...attrInts(node, 'axes', [])];
}

export interface LayerNorm {
  /** The first of the axes, which go to the last. */
  readonly axis: number;
  readonly epsilon: number;
  /** Sizes of x from the axis on. */
  readonly sizes: readonly number[];
}

/** What a match of the patterns above is, or why it is no layer normalisation. */
export function layerNormOf(match: Match): LayerNorm | string {
  const { view } = match;
  const type = view.type(match.value('x'));
  const shape = shapeOf(view, match.value('x'));
  if (type?.kind !== 'tensor' || !shape || !PRECISE.includes(type.dtype ?? ''))
    return 'what is normalised is not known to be float32 or float64, or its rank is not known';
  const outside = match.readElsewhere();
  if (outside) return `a part of it (${outside.op}) is read elsewhere`;
  const [axes, others] = [axesOf(match.node('mean'), match), axesOf(match.node('variance'), match)];
  const rank = shape.length;
  const from = axes?.map((a) => (a < 0 ? a + rank : a)).toSorted((a, b) => a - b);
  if (!from || from.length === 0 || from.some((a, i) => a !== rank - from.length + i))
    return 'the mean is not taken over the last axes';
  if (
    others
      ?.map((a) => (a < 0 ? a + rank : a))
      .toSorted((a, b) => a - b)
      .join() !== from.join()
  )
    return 'mean and variance are taken over different axes';
  for (const [as, wanted] of EXPECTED)
    if (match.has(as) && (numberOf(match.constant(as)) !== wanted || match.constant(as).dims.length > rank))
      return `the constant ${match.value(as)} is not ${wanted}`;
  const epsilon = match.constant('epsilon').dims.length <= rank ? numberOf(match.constant('epsilon')) : null;
  if (epsilon === null || !(epsilon >= 0)) return 'epsilon is not one number';
  const sizes: readonly Dim[] = shape.slice(from[0]);
  if (!sizes.every((d): d is number => typeof d === 'number')) return 'a size that is normalised over is open';
  return { axis: from.length === 1 ? -1 : from[0]!, epsilon, sizes };
}

/** Whether a scale or a shift is one number for each element of a row, the same for all rows. */
export function isRow(view: GraphView, name: string, sizes: readonly number[]): boolean {
  const shape = shapeOf(view, name);
  if (!shape || shape.slice(-sizes.length).join() !== sizes.join()) return false;
  const before = shape.slice(0, -sizes.length);
  // Sizes of 1 in front can be left out of a constant.
  return before.length === 0 || (view.constant(name) !== null && before.every((d) => d === 1));
}

/** A row (`isRow`) in its own sizes. */
export function asRow(view: GraphView, name: string, sizes: readonly number[], builder: GraphBuilder): string {
  const tensor = view.constant(name);
  if (!tensor || tensor.dims.length === sizes.length) return name;
  return builder.constant({ ...tensor, dims: sizes } as Tensor, name);
}
