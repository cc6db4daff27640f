/** Putting channels side by side and taking them apart: Concat, Split, Slice, Gather, Pad. */
import { attrInt, attrInts, attrString, ints, type Node } from '@verge/onnx';
import { called, wrap, type Rule, type Walk } from '../walk.js';
import { gridAt, isGridAxis, isLabels, type Axis } from '../values.js';
import type { Surgery } from '../surgery.js';
import { opaque } from './elementwise.js';

const concat: Rule = (node, walk) => {
  const output = node.outputs[0] as string;
  const rank = walk.dims(output)?.length ?? 0;
  const at = wrap(attrInt(node, 'axis'), rank);
  const sides = node.inputs.map((name) => walk.settled(name, node));
  const axes = Array.from({ length: rank }, (_, i): Axis => {
    if (i === at) return null;
    const all = sides.map((side) => side[i] ?? null);
    if (all.every((axis) => !axis)) return null;
    for (const axis of all) if (axis !== all[0]) walk.unite(all[0], axis, `${called(node)} puts it beside what has sizes that stay`); // prettier-ignore
    return all.every(isLabels) ? (all[0] as Axis) : null;
  });
  axes[at] = sideBySide(node, sides.map((side) => side[at] ?? null), at, walk); // prettier-ignore
  walk.set(output, axes);
};

/** What stays is fixed index by index. */
function sideBySide(node: Node, parts: readonly Axis[], at: number, walk: Walk): Axis {
  if (parts.every((axis) => !axis)) return null;
  const lists: Int32Array[] = [];
  for (const [i, axis] of parts.entries()) {
    const size = walk.value(node.inputs[i] as string).dims[at];
    if (isLabels(axis)) lists.push(axis);
    else if (typeof size === 'number') lists.push(fixedUnits(size, `'${node.inputs[i]}' stays whole`, walk));
    else {
      for (const part of parts) walk.freezeAxis(part, `${called(node)} puts it beside what has an open size`);
      return null;
    }
  }
  const joined = new Int32Array(lists.reduce((n, list) => n + list.length, 0));
  let from = 0;
  for (const list of lists) {
    joined.set(list, from);
    from += list.length;
  }
  return joined;
}

function fixedUnits(size: number, reason: string, walk: Walk): Int32Array {
  const units = walk.units.fresh(size);
  for (const unit of units) walk.units.freeze(unit, reason);
  return units;
}

/** The axes of a part of a value: some indices of one axis, which goes where `drop` is set. */
export function partOf(
  axes: readonly Axis[],
  at: number,
  indices: readonly number[],
  drop: boolean,
  walk: Walk,
): Axis[] {
  const axis = axes[at];
  const rest = (i: number): boolean => !drop || i !== at;
  if (!isGridAxis(axis)) {
    const picked = isLabels(axis) ? Int32Array.from(indices, (i) => axis[i] as number) : null;
    return axes.map((other, i) => (i === at ? picked : other)).filter((_, i) => rest(i));
  }
  const part = gridAt(axis.grid, axis.at, indices, drop);
  const grid = part.sizes.length > 1 ? walk.grid(part.sizes, part.labels) : null;
  return axes
    .map((other): Axis => {
      if (!isGridAxis(other) || other.grid !== axis.grid) return other;
      if (!grid) return part.labels;
      return { grid, at: drop && other.at > axis.at ? other.at - 1 : other.at };
    })
    .filter((_, i) => rest(i));
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

const split: Rule = (node, walk) => {
  const x = node.inputs[0] as string;
  const { dims, axes } = walk.value(x);
  const at = wrap(attrInt(node, 'axis', 0), dims.length);
  const sizes = node.outputs.map((name) => (name === '' ? null : walk.dims(name)?.[at]));
  if (!axes[at]) {
    for (const name of node.outputs) if (name !== '') walk.set(name, axes);
    return;
  }
  if (!sizes.every((s): s is number => typeof s === 'number')) return opaque(node, walk, [x]);
  let from = 0;
  sizes.forEach((size, i) => {
    walk.set(node.outputs[i] as string, partOf(axes, at, range(from, from + size), false, walk));
    from += size;
  });
  walk.edit((surgery) => {
    if (!surgery.kept(x, at)) return;
    const now = node.outputs.map((name) => surgery.size(name, at) as number);
    if (walk.opset() < 13) return surgery.attribute(node, 'split', ints(now));
    surgery.constant(node, 1, now);
    surgery.attribute(node, 'num_outputs', null);
  });
};

interface Cut {
  axis: number;
  start: number;
  end: number;
  step: number;
  /** Its place in the lists of starts and ends. */
  place: number;
}

/** The cuts of a Slice, with starts and ends inside of the axes; null when they are not constant. */
function cutsOf(node: Node, walk: Walk): Cut[] | null {
  const { dims } = walk.value(node.inputs[0] as string);
  const listed = node.inputs.length > 1;
  const [starts, ends] = listed
    ? [walk.ints(node.inputs[1]), walk.ints(node.inputs[2])]
    : [attrInts(node, 'starts'), attrInts(node, 'ends')];
  if (!starts || !ends) return null;
  const given = listed ? (node.inputs[3] ? walk.ints(node.inputs[3]) : range(0, starts.length)) : attrInts(node, 'axes', range(0, starts.length)); // prettier-ignore
  const steps = node.inputs[4] ? walk.ints(node.inputs[4]) : starts.map(() => 1);
  if (!given || !steps) return null;
  return starts.map((start, place) => {
    const axis = wrap(given[place] as number, dims.length);
    const size = dims[axis];
    const [step, end] = [steps[place] as number, ends[place] as number];
    if (typeof size !== 'number') return { axis, start, end, step, place };
    const inside = (at: number, low: number, high: number): number => Math.min(Math.max(at < 0 ? at + size : at, low), high); // prettier-ignore
    return step > 0
      ? { axis, start: inside(start, 0, size), end: inside(end, 0, size), step, place }
      : { axis, start: inside(start, 0, size - 1), end: inside(end, -1, size - 1), step, place };
  });
}

const slice: Rule = (node, walk) => {
  const [x, output] = [node.inputs[0] as string, node.outputs[0] as string];
  const { dims } = walk.value(x);
  const cuts = cutsOf(node, walk);
  if (!cuts) {
    // What is cut at unknown places may be cut anywhere.
    const open = walk.settled(x, node);
    const into = walk.dims(output) ?? [];
    const whole = (i: number): boolean => typeof dims[i] === 'number' && dims[i] === into[i];
    open.forEach((axis, i) => {
      if (!whole(i)) walk.freezeAxis(axis, `${called(node)} cuts it at places that are not constant`);
    });
    return walk.set(output, open.map((axis, i) => (whole(i) ? axis : null))); // prettier-ignore
  }
  const uneven = new Set(cuts.filter((cut) => cut.step !== 1).map((cut) => cut.axis));
  let axes = walk.value(x).axes;
  if (axes.some((axis, i) => isGridAxis(axis) && uneven.has(i))) axes = walk.settled(x, node, (i) => !uneven.has(i));
  for (const { axis: at, start, end, step } of cuts) {
    if (!axes[at]) continue;
    if (step !== 1) {
      walk.freezeAxis(axes[at], `${called(node)} takes every ${step}th of it`);
      axes = axes.map((axis, i) => (i === at ? null : axis));
    } else axes = partOf(axes, at, range(start, end), false, walk);
  }
  walk.set(output, axes);
  walk.edit((surgery) => {
    moveCuts(node, cuts, surgery);
  });
};

function moveCuts(node: Node, cuts: readonly Cut[], surgery: Surgery): void {
  const [x, output] = [node.inputs[0] as string, node.outputs[0] as string];
  const [starts, ends] = [new Map<number, number>(), new Map<number, number>()];
  for (const { axis, start, place } of cuts) {
    const kept = surgery.kept(x, axis);
    if (!kept) continue;
    const before = kept.filter((i) => i < start).length;
    starts.set(place, before);
    ends.set(place, before + (surgery.size(output, axis) as number));
  }
  if (node.inputs.length > 1) {
    surgery.patch(node, 1, starts);
    surgery.patch(node, 2, ends);
  } else if (starts.size > 0) {
    surgery.attribute(node, 'starts', ints(attrInts(node, 'starts').map((v, i) => starts.get(i) ?? v)));
    surgery.attribute(node, 'ends', ints(attrInts(node, 'ends').map((v, i) => ends.get(i) ?? v)));
  }
}

/** Rows of a table by number: a table of constants makes the channels of its other axes. */
const gather: Rule = (node, walk) => {
  const [x, indices] = node.inputs as [string, string];
  const output = node.outputs[0] as string;
  const { dims } = walk.value(x);
  const at = wrap(attrInt(node, 'axis', 0), dims.length);
  const rank = walk.dims(indices)?.length ?? 0;
  const size = dims[at];
  const places = typeof size === 'number' && rank < 2 ? walk.ints(indices)?.map((i) => wrap(i, size)) : null;
  if (!places) {
    const axes = walk.settled(x, node, (axis) => axis !== at);
    walk.freezeAxis(axes[at], `${called(node)} takes rows of it by number`);
    axes.forEach((axis, i) => {
      if (i !== at) walk.producer(node, x, i, axis);
    });
    const rows = walk.value(indices);
    walk.freezeValue(indices, `${called(node)} counts with it`);
    return walk.set(output, [...axes.slice(0, at), ...rows.dims.map(() => null), ...axes.slice(at + 1)]);
  }
  const before = walk.value(x).axes;
  const chosen = before[at];
  if (rank === 0 && isLabels(chosen)) walk.units.freeze(chosen[places[0] as number] as number, `${called(node)} takes it alone`); // prettier-ignore
  walk.set(output, partOf(before, at, places, rank === 0, walk));
  walk.edit((surgery) => {
    const kept = surgery.kept(x, at);
    if (!kept) return;
    const moved = places.map((i) => kept.indexOf(i)).filter((i) => i >= 0);
    surgery.constant(node, 1, moved, rank === 0 ? [] : [moved.length]);
  });
};

/** Begin and end of what is added along each axis; null when it is not constant. */
function padsOf(node: Node, walk: Walk): { axes: number[]; pads: readonly number[] } | null {
  const rank = walk.value(node.inputs[0] as string).dims.length;
  const pads = node.inputs.length > 1 ? walk.ints(node.inputs[1]) : attrInts(node, 'pads');
  const axes = node.inputs[3] ? walk.ints(node.inputs[3])?.map((a) => wrap(a, rank)) : range(0, rank);
  return pads && axes ? { axes, pads } : null;
}

const pad: Rule = (node, walk) => {
  const [x, output] = [node.inputs[0] as string, node.outputs[0] as string];
  const found = padsOf(node, walk);
  if (!found) return opaque(node, walk, [x], `${called(node)} adds a number of elements that is not constant`);
  const { axes: padded, pads } = found;
  const amount = new Map(
    padded.map((axis, i) => [axis, [pads[i] as number, pads[i + padded.length] as number] as const]),
  );
  const whole = (i: number): boolean => (amount.get(i) ?? [0, 0]).every((n) => n === 0);
  const constant = attrString(node, 'mode', 'constant') === 'constant';
  const kept = walk.value(x).axes.every((axis, i) => !isGridAxis(axis) || whole(i));
  const axes = kept ? walk.value(x).axes : walk.settled(x, node, whole);
  const made = axes.map((axis, i): Axis => {
    const [begin, end] = amount.get(i) ?? [0, 0];
    if (!isLabels(axis) || whole(i)) return axis;
    if (!constant || begin < 0 || end < 0) {
      walk.freezeAxis(axis, `${called(node)} adds to it`);
      return null;
    }
    return Int32Array.from([...walk.units.fresh(begin), ...axis, ...walk.units.fresh(end)]);
  });
  walk.set(output, made);
  walk.edit((surgery) => {
    const changes = new Map<number, number>();
    padded.forEach((axis, i) => {
      const labels = made[axis];
      const [begin, end] = amount.get(axis) ?? [0, 0];
      if (!isLabels(labels) || whole(axis)) return;
      const stays = (from: number, to: number): number => labels.subarray(from, to).filter((u) => !surgery.removal.goes(u)).length; // prettier-ignore
      changes.set(i, stays(0, begin));
      changes.set(i + padded.length, stays(labels.length - end, labels.length));
    });
    if (node.inputs.length > 1) surgery.patch(node, 1, changes);
    else if (changes.size > 0) surgery.attribute(node, 'pads', ints(pads.map((v, i) => changes.get(i) ?? v)));
  });
};

export const joinRules: Readonly<Record<string, Rule>> = { Concat: concat, Split: split, Slice: slice, Gather: gather, Pad: pad }; // prettier-ignore
