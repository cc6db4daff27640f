/** Operators on positions of maps, which leave channels (axis 1) apart: pooling, Resize; and those that trade the two. */
import { attrInt, attrString, type Node } from '@verge/onnx';
import { called, type Rule, type Walk } from '../walk.js';
import { isLabels, type Axis } from '../values.js';
import { opaque } from './elementwise.js';
import { blocksOf, tieAcross } from './linear.js';

/** Windows over the axes from the third on. */
const windows: Rule = (node, walk) => {
  const x = node.inputs[0] as string;
  const [batch, channels, ...space] = walk.settled(x, node, (axis) => axis < 2);
  for (const axis of space) walk.freezeAxis(axis, `${called(node)} works along it`);
  for (const name of node.outputs.slice(1))
    if (name !== '' && walk.index.readers(name).length > 0) walk.freezeValue(x, `a second output of ${called(node)} is read`); // prettier-ignore
  walk.set(node.outputs[0] as string, [batch ?? null, channels ?? null, ...space.map(() => null)]);
};

/** Scales, or sizes that say the number of channels too. */
const resize: Rule = (node, walk) => {
  const [x, output] = [node.inputs[0] as string, node.outputs[0] as string];
  const { dims } = walk.value(x);
  const to = walk.dims(output) ?? [];
  const whole = (i: number): boolean => typeof dims[i] === 'number' && dims[i] === to[i];
  const axes = walk.settled(x, node, whole);
  axes.forEach((axis, i) => {
    if (!whole(i)) walk.freezeAxis(axis, `${called(node)} works along it`);
  });
  const sizes = node.inputs[3];
  const listed = node.attributes.has('axes');
  if (listed || (sizes && !walk.ints(sizes) && typeof walk.dims(sizes)?.[0] !== 'number'))
    return opaque(node, walk, [x]);
  walk.set(output, axes.map((axis, i) => (whole(i) ? axis : null))); // prettier-ignore
  if (!sizes) return;
  walk.edit((surgery) => {
    const changes = new Map<number, number>();
    to.forEach((before, i) => {
      const now = surgery.size(output, i);
      if (now !== null && (now !== before || walk.tainted.has(sizes))) changes.set(i, now);
    });
    surgery.patch(node, 3, changes);
  });
};

/** Channels become positions: those that share a position go together. */
const depthToSpace: Rule = (node, walk) => {
  const [batch, labels, ...space] = walk.settled(node.inputs[0] as string, node, (axis) => axis < 2);
  for (const axis of space) walk.freezeAxis(axis, `${called(node)} works along it`);
  let made: Axis = null;
  if (isLabels(labels)) {
    const positions = attrInt(node, 'blocksize') ** 2;
    const count = labels.length / positions;
    // DCR: [positions, channels]; CRD: [channels, positions].
    if (attrString(node, 'mode', 'DCR') === 'DCR') {
      const blocks = blocksOf(labels, positions);
      tieAcross(walk.units, blocks, '');
      made = blocks[0] as Int32Array;
    } else {
      const blocks = blocksOf(labels, count);
      for (const block of blocks) walk.units.unionAll(block, '');
      made = Int32Array.from(blocks, (block) => block[0] as number);
    }
  }
  walk.set(node.outputs[0] as string, [batch ?? null, made, ...space.map(() => null)]);
};

/** Positions become channels: [positions, channels]. */
const spaceToDepth: Rule = (node, walk) => {
  const [batch, labels, ...space] = walk.settled(node.inputs[0] as string, node, (axis) => axis < 2);
  for (const axis of space) walk.freezeAxis(axis, `${called(node)} works along it`);
  const positions = attrInt(node, 'blocksize') ** 2;
  const made = isLabels(labels)
    ? Int32Array.from({ length: labels.length * positions }, (_, i) => labels[i % labels.length] as number)
    : null;
  walk.set(node.outputs[0] as string, [batch ?? null, made, ...space.map(() => null)]);
};

/** Maps that are read at the places that a second input says. */
const sampled =
  (channels: (node: Node, walk: Walk) => readonly string[]): Rule =>
  (node, walk) => {
    for (const name of channels(node, walk)) walk.freezeValue(name, `${called(node)} reads places from it`);
    windows(node, walk);
  };

export const spatialRules: Readonly<Record<string, Rule>> = {
  MaxPool: windows,
  AveragePool: windows,
  LpPool: windows,
  GlobalAveragePool: windows,
  GlobalMaxPool: windows,
  GlobalLpPool: windows,
  Resize: resize,
  Upsample: resize,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  GridSample: sampled((node) => node.inputs.slice(1)),
};
