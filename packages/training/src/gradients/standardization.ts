/**
 * Layer, instance, group, root-mean-square and mean-variance normalisation: all bring the elements of a set to zero mean
 * (or leave the mean) and unit mean square, then scale and shift them. They differ in the sets and in what is scaled.
 */
import { attrFloat, attrInt, attrInts, elementCount, type Node } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import { channelAffine, filled } from './channel-affine.js';
import type { Applied, Row, Saved } from './row.js';
import { axisOf } from './shape-ops.js';

interface Form {
  /** Shape in which the sets lie along `axes`. */
  readonly view: Shape;
  readonly axes: readonly number[];
  /** Whether the mean is taken off. */
  readonly centre: boolean;
  readonly epsilon: number;
  /** Shape in which the scale and shift, reshaped to `wide`, are broadcast; absent without a scale. */
  readonly affine?: { readonly space: Shape; readonly wide: Shape };
}

/** What is kept for the gradient, in the form's view: the standardised elements and what they were multiplied with. */
type Standard = { normal: string; inverse: string };

function standardize(t: Tape, x: string, form: Form): Standard {
  const v = t.reshape(x, form.view);
  // Two passes: the mean of squared deviations does not cancel.
  const centered = form.centre ? t.sub(v, t.reduce('ReduceMean', v, form.axes)) : v;
  const power = t.reduce('ReduceMean', t.mul(centered, centered), form.axes);
  const inverse = t.unary('Reciprocal', t.unary('Sqrt', t.add(power, t.scalar(form.epsilon))));
  return { normal: t.mul(centered, inverse), inverse };
}

/** Rows from this length on are worth an operator that takes them one by one: it costs 10 nanoseconds a row. */
const LONG_ROW = 32;

/** The sets as rows, [sets, elements of one]; undefined where they do not lie so, or are short. */
function rowsOf({ view, axes }: Form): [number, number] | undefined {
  const first = view.length - axes.length;
  if (axes.some((axis, i) => axis !== first + i)) return undefined;
  const each = elementCount(view.slice(first));
  return each < LONG_ROW ? undefined : [elementCount(view.slice(0, first)), each];
}

/**
 * factor * x + shift with numbers of each set, as one operator: 0.30 nanoseconds an element, Mul and Add with a column 0.68.
 * @param factor one number a set, as `shift`; both may have axes of size 1
 */
function setAffine(
  t: Tape,
  x: string,
  [sets, each]: readonly [number, number],
  factor: string,
  shift?: string,
): string {
  const flat = (value: string): string => t.reshape(value, [sets]);
  const none = filled(t, sets, 0);
  const rows = t.reshape(x, [1, sets, each]);
  const moved = channelAffine(t, rows, flat(factor), shift === undefined ? none : flat(shift), none);
  return t.reshape(moved, t.shape(x));
}

/** dx = inverse * (g - mean(g) - normal * mean(g * normal)), without mean(g) where the mean was left. */
function standardGradient(t: Tape, g: string, { normal, inverse }: Standard, form: Form): string {
  const moment = t.reduce('ReduceMean', t.mul(g, normal), form.axes);
  const rows = rowsOf(form);
  if (rows) {
    const back = t.unary('Neg', inverse);
    const shift = form.centre ? t.mul(back, t.reduce('ReduceMean', g, form.axes)) : undefined;
    return t.add(setAffine(t, g, rows, inverse, shift), setAffine(t, normal, rows, t.mul(back, moment)));
  }
  const slope = t.mul(normal, moment);
  const shift = form.centre ? t.add(t.reduce('ReduceMean', g, form.axes), slope) : slope;
  return t.mul(t.sub(g, shift), inverse);
}

function write(t: Tape, node: Node, form: Form): Saved {
  const [x, scale, bias] = node.inputs as [string, string?, string?];
  const kept = standardize(t, x, form);
  let y = t.reshape(kept.normal, form.affine?.space ?? t.shape(x));
  if (form.affine && scale) y = t.mul(y, t.reshape(scale, form.affine.wide));
  if (form.affine && bias) y = t.add(y, t.reshape(bias, form.affine.wide));
  t.node('Identity', [t.reshape(y, t.shape(x))], [node.outputs[0]!]);
  return kept;
}

/** dx of the statistics themselves, where they are outputs: their mean is x's, and the inverse deviation falls as x moves away from it. */
function statisticsGradient(t: Tape, dys: readonly (string | undefined)[], kept: Standard, form: Form): string[] {
  const share = 1 / form.axes.reduce((count, axis) => count * form.view[axis]!, 1);
  const [, dMean, dInverse] = dys;
  const byMean = dMean && t.expand(t.scale(dMean, share), form.view);
  const square = t.mul(kept.inverse, kept.inverse);
  const byInverse = dInverse && t.mul(t.scale(t.mul(dInverse, square), -share), kept.normal);
  return [byMean, byInverse].filter((d) => d !== undefined);
}

function normalization(formOf: (t: Tape, node: Node) => Form, forward = write): Row {
  return {
    forward: (t, node) => forward(t, node, formOf(t, node)),
    vjp: (t, n, _dy, dys) => {
      const form = formOf(t, n.node);
      const kept = (n.saved['normal'] ? n.saved : recall(t, n, form)) as Standard;
      const dy = dys[0] ?? t.zeros(t.shape(n.outputs[0]!));
      const shape = t.shape(n.inputs[0]!);
      const { space, wide } = form.affine ?? { space: shape, wide: shape };
      const [scale, bias] = [n.inputs[1], n.inputs[2]];
      const d = t.reshape(dy, space);
      return [
        () => {
          const scaled = form.affine && scale ? t.mul(d, t.reshape(scale, wide)) : d;
          const parts = [
            ...(dys[0] ? [standardGradient(t, t.reshape(scaled, form.view), kept, form)] : []),
            ...statisticsGradient(t, dys, kept, form),
          ];
          return t.reshape(
            parts.reduce((a, b) => t.add(a, b)),
            shape,
          );
        },
        scale ? () => t.reshape(t.sumTo(t.mul(d, t.reshape(kept.normal, space)), wide), t.shape(scale)) : null,
        bias ? () => t.reshape(t.sumTo(d, wide), t.shape(bias)) : null,
      ];
    },
  };
}

/** Nothing was saved for a node that a gradient is differentiated through; it has its statistics as outputs. */
function recall(t: Tape, { inputs, outputs, saved }: Applied, form: Form): Standard {
  const [mean, inverse] = [saved['mean'] ?? outputs[1]!, saved['inverse'] ?? outputs[2]!];
  const rows = rowsOf(form);
  if (rows) return { normal: setAffine(t, inputs[0]!, rows, inverse, t.unary('Neg', t.mul(mean, inverse))), inverse };
  return { normal: t.mul(t.sub(inputs[0]!, mean), inverse), inverse };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** The last axes, from attribute `axis` on; a scale is broadcast to them. */
function trailing(centre: boolean): (t: Tape, node: Node) => Form {
  return (t, node) => {
    const shape = t.shape(node.inputs[0]!);
    const axes = range(axisOf(attrInt(node, 'axis', -1), shape.length), shape.length);
    const affine = { space: shape, wide: t.shape(node.inputs[1]!) };
    return { view: shape, axes, centre, epsilon: attrFloat(node, 'epsilon', 1e-5), affine };
  };
}

/**
 * LayerNormalization-17 (arXiv 1607.06450). The operator gives its statistics as outputs 1 and 2, so the forward pass
 * stays one kernel and keeps nothing else; the gradient standardises the elements once more.
 */
export const layerNormalization = normalization(trailing(true), (t, node, form) => {
  const statistics = form.view.map((d, i) => (form.axes.includes(i) ? 1 : d));
  const [mean, inverse] = [1, 2].map((i) =>
    node.outputs[i] ? node.outputs[i] : t.declare(t.fresh('statistic'), statistics),
  ) as [string, string];
  t.nodes.push({ ...node, outputs: [node.outputs[0]!, mean, inverse] });
  return { mean, inverse };
});

/** RMSNormalization-23 (arXiv 1910.07467), written from primitives: older runtimes execute it as well. */
export const rmsNormalization = normalization(trailing(false));

/** InstanceNormalization-6 (arXiv 1607.08022): each channel of each sample. */
export const instanceNormalization = normalization((t, node) => {
  const shape = t.shape(node.inputs[0]!);
  const wide = shape.map((d, i) => (i === 1 ? d : 1));
  const epsilon = attrFloat(node, 'epsilon', 1e-5);
  return { view: shape, axes: range(2, shape.length), centre: true, epsilon, affine: { space: shape, wide } };
});

/**
 * GroupNormalization (arXiv 1803.08494): groups of channels of each sample. The scale has an element for each channel in
 * version 21 and for each group in version 18; where both numbers agree, so do the versions.
 */
export const groupNormalization = normalization((t, node) => {
  const [batch, channels, ...rest] = t.shape(node.inputs[0]!) as [number, number, ...number[]];
  const groups = attrInt(node, 'num_groups');
  const positions = elementCount(rest);
  const view = [batch, groups, (channels / groups) * positions];
  const scales = t.shape(node.inputs[1]!)[0]!;
  const space = scales === groups ? view : [batch, channels, positions];
  const epsilon = attrFloat(node, 'epsilon', 1e-5);
  return { view, axes: [2], centre: true, epsilon, affine: { space, wide: [1, scales, 1] } };
});

/** MeanVarianceNormalization-13 adds 1e-9 to the deviation; the root of its square under the root is as good. */
export const meanVarianceNormalization = normalization((t, node) => {
  const shape = t.shape(node.inputs[0]!);
  const axes = attrInts(node, 'axes', [0, 2, 3]).map((a) => axisOf(a, shape.length));
  return { view: shape, axes, centre: true, epsilon: 1e-18 };
});
