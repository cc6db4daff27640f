/** Normalisations. Along the axes that they average over, the channels that stay are averaged. */
import { attrInt, attrInts, type Node } from '@verge/onnx';
import { called, wrap, type Rule, type Walk } from '../walk.js';
import { isLabels, type Axis } from '../values.js';
import { blocksOf } from './linear.js';

/** One statistic a channel of axis 1, which the node reads or finds itself. */
const perChannel =
  (spaceToo: boolean): Rule =>
  (node, walk) => {
    const [x, ...vectors] = node.inputs as [string, ...string[]];
    const axes = walk.settled(x, node, (axis) => axis === 1);
    for (const name of vectors)
      if (name !== '') walk.unite(walk.settled(name, node)[0], axes[1], `${called(node)} has parameters that stay`);
    axes.forEach((axis, i) => {
      if (i > 1 && !spaceToo) walk.freezeAxis(axis, `${called(node)} averages over it`);
    });
    otherOutputs(node, walk);
    walk.set(node.outputs[0] as string, axes);
  };

function otherOutputs(node: Node, walk: Walk): void {
  const read = node.outputs.slice(1).some((name) => name !== '' && walk.index.readers(name).length > 0);
  if (read) walk.freezeValue(node.inputs[0] as string, `a second output of ${called(node)} is read`);
}

/** LayerNormalization and RMSNormalization: over all axes from `axis` on. */
const layer =
  (kind: 'layer-norm' | 'rms-norm'): Rule =>
  (node, walk) => {
    const [x, ...parameters] = node.inputs as [string, ...string[]];
    const rank = walk.value(x).dims.length;
    const from = wrap(attrInt(node, 'axis', -1), rank);
    const axes = walk.settled(x, node);
    const inside = axes.flatMap((axis, i) => (i >= from && isLabels(axis) ? [i] : []));
    if (inside.length > 1)
      for (const i of inside) walk.freezeAxis(axes[i], `${called(node)} averages over several axes of channels`); // prettier-ignore
    else if (inside.length === 1) walk.sink(node, 0, inside[0] as number, axes[inside[0] as number], kind);
    for (const name of parameters) if (name !== '') tieParameter(node, name, axes, walk);
    otherOutputs(node, walk);
    walk.set(node.outputs[0] as string, axes);
  };

/** A scale or shift is broadcast to the value. */
function tieParameter(node: Node, name: string, axes: readonly Axis[], walk: Walk): void {
  const { dims } = walk.value(name);
  walk.settled(name, node).forEach((axis, i) => {
    if (dims[i] !== 1)
      walk.unite(axis, axes[i + axes.length - dims.length], `${called(node)} has parameters that stay`);
  });
}

/** Whole groups go. A single group is a normalisation over all channels, which is not thinned out. */
const group: Rule = (node, walk) => {
  const [x, ...parameters] = node.inputs as [string, ...string[]];
  const axes = walk.settled(x, node, (axis) => axis === 1);
  const count = attrInt(node, 'num_groups');
  const labels = axes[1];
  axes.forEach((axis, i) => {
    if (i > 1) walk.freezeAxis(axis, `${called(node)} averages over it`);
  });
  if (!isLabels(labels)) walk.freezeAxis(labels, `${called(node)} averages over it`);
  else for (const block of blocksOf(labels, count)) walk.units.unionAll(block, `${called(node)} averages over it`);
  for (const name of parameters) {
    const axis = walk.settled(name, node)[0];
    // Operator set 18 has one parameter a group, 21 one a channel.
    const each = isLabels(axis) && isLabels(labels) && axis.length === count && count !== labels.length;
    const firsts = each ? Int32Array.from(blocksOf(labels, count), (block) => block[0] as number) : labels;
    walk.unite(axis, firsts, `${called(node)} has parameters that stay`);
  }
  walk.edit((surgery) => {
    const [all, now] = [walk.value(x).dims[1], surgery.size(x, 1)];
    if (typeof all === 'number' && now !== null && now !== all) surgery.count(node, 'num_groups', (count * now) / all);
  });
  walk.set(node.outputs[0] as string, axes);
};

/** Vectors of length 1 along `axis`, of the channels that stay. */
const lp: Rule = (node, walk) => {
  const x = node.inputs[0] as string;
  const axes = walk.settled(x, node);
  const axis = wrap(attrInt(node, 'axis', -1), axes.length);
  walk.sink(node, 0, axis, axes[axis]);
  walk.set(node.outputs[0] as string, axes);
};

/** Values that are averaged over some axes and stay apart along the others. */
const meanVariance: Rule = (node, walk) => {
  const x = node.inputs[0] as string;
  const rank = walk.value(x).dims.length;
  const over = new Set(attrInts(node, 'axes', [0, 2, 3]).map((axis) => wrap(axis, rank)));
  const axes = walk.settled(x, node, (axis) => !over.has(axis));
  axes.forEach((axis, i) => {
    if (over.has(i)) walk.freezeAxis(axis, `${called(node)} averages over it`);
  });
  walk.set(node.outputs[0] as string, axes);
};

export const normalisationRules: Readonly<Record<string, Rule>> = {
  BatchNormalization: perChannel(true),
  InstanceNormalization: perChannel(false),
  LayerNormalization: layer('layer-norm'),
  RMSNormalization: layer('rms-norm'),
  GroupNormalization: group,
  LpNormalization: lp,
  MeanVarianceNormalization: meanVariance,
};
