/** Moving axes about, and making values of a given size: Transpose, Squeeze, Unsqueeze, Expand, Tile, ConstantOfShape. */
import { attrInts, type Node } from '@verge/onnx';
import { called, permutation, wrap, type Rule, type Walk } from '../walk.js';
import { isLabels, type Axis } from '../values.js';
import { opaque } from './elementwise.js';
import { flatten, reshape } from './reshape.js';

const transpose: Rule = (node, walk) => {
  const { axes } = walk.value(node.inputs[0] as string);
  walk.set(node.outputs[0] as string, permutation(node, axes.length).map((i) => axes[i] ?? null)); // prettier-ignore
};

const givenAxes = (node: Node, walk: Walk): readonly number[] | null =>
  node.inputs[1] ? walk.ints(node.inputs[1]) : node.attributes.has('axes') ? attrInts(node, 'axes') : null;

const squeeze: Rule = (node, walk) => {
  const x = node.inputs[0] as string;
  const { dims, axes } = walk.value(x);
  const listed = givenAxes(node, walk)?.map((a) => wrap(a, dims.length));
  if (!listed && dims.some((d) => typeof d !== 'number')) return opaque(node, walk, [x]);
  const gone = listed ?? dims.flatMap((d, i) => (d === 1 ? [i] : []));
  for (const i of gone) walk.freezeAxis(axes[i], `${called(node)} drops it`);
  walk.set(node.outputs[0] as string, axes.filter((_, i) => !gone.includes(i))); // prettier-ignore
};

const unsqueeze: Rule = (node, walk) => {
  const x = node.inputs[0] as string;
  const { axes } = walk.value(x);
  const given = givenAxes(node, walk);
  if (!given) return opaque(node, walk, [x]);
  const rank = axes.length + given.length;
  const added = new Set(given.map((a) => wrap(a, rank)));
  const rest = [...axes];
  walk.set(node.outputs[0] as string, Array.from({ length: rank }, (_, i) => (added.has(i) ? null : (rest.shift() ?? null)))); // prettier-ignore
};

/** Tells a node that makes a value of a given size the new sizes, where those that it is told are not 1. */
function resized(node: Node, input: number, output: string, walk: Walk): void {
  const to = walk.dims(output) ?? [];
  walk.edit((surgery) => {
    const spelled = walk.ints(node.inputs[input]);
    const offset = to.length - (spelled?.length ?? to.length);
    const changes = new Map<number, number>();
    to.forEach((before, i) => {
      const now = surgery.size(output, i);
      if (now === null || i < offset || spelled?.[i - offset] === 1) return;
      if (now !== before || (!spelled && walk.tainted.has(node.inputs[input] as string))) changes.set(i - offset, now);
    });
    surgery.patch(node, input, changes);
  });
}

/** Along an axis that is stretched from 1 all elements are alike: any of them may go. */
const expand: Rule = (node, walk) => {
  const [x, sizes] = node.inputs as [string, string];
  const output = node.outputs[0] as string;
  const to = walk.dims(output) ?? [];
  const { dims } = walk.value(x);
  const vector = walk.dims(sizes)?.[0];
  if (typeof vector !== 'number' || (vector < to.length && !walk.ints(sizes))) return opaque(node, walk, [x]);
  const axes = walk.value(x).axes;
  const shift = to.length - dims.length;
  const made = to.map((d, i): Axis => {
    if (i >= shift && dims[i - shift] === d) return axes[i - shift] ?? null;
    if (i >= shift && dims[i - shift] !== 1) {
      walk.freezeAxis(axes[i - shift], `${called(node)} stretches it to an open size`);
      return null;
    }
    return typeof d === 'number' && d > 1 ? walk.units.fresh(d) : null;
  });
  walk.set(output, made);
  resized(node, 1, output, walk);
};

const constantOfShape: Rule = (node, walk) => {
  const output = node.outputs[0] as string;
  const to = walk.dims(output) ?? [];
  walk.set(output, to.map((d) => (typeof d === 'number' && d > 1 ? walk.units.fresh(d) : null))); // prettier-ignore
  resized(node, 0, output, walk);
};

const tile: Rule = (node, walk) => {
  const [x, repeats] = node.inputs as [string, string];
  const times = walk.ints(repeats);
  if (!times) return opaque(node, walk, [x]);
  const axes = walk.settled(x, node, (i) => times[i] === 1);
  const made = axes.map((axis, i): Axis => {
    if (!isLabels(axis) || times[i] === 1) return axis;
    return Int32Array.from({ length: axis.length * (times[i] as number) }, (_, k) => axis[k % axis.length] as number);
  });
  walk.set(node.outputs[0] as string, made);
};

export const layoutRules: Readonly<Record<string, Rule>> = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: expand,
  ConstantOfShape: constantOfShape,
  Tile: tile,
};
