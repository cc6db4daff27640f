/** Reshape and Flatten: channels keep their order in memory, whatever axes they stand on. */
import { attrInt, type Dim } from '@verge/onnx';
import { called, type Rule, type Walk } from '../walk.js';
import { gridsOf, isGridAxis, isLabels, product, strides, type Axis } from '../values.js';

/** Beyond that many elements a block of axes is not looked at one by one. */
const MOST_ELEMENTS = 2 ** 23;

/** Axes of a value and of its new form that hold the same elements in the same order. */
export interface Block {
  ins: number[];
  outs: number[];
}

const key = (dims: readonly Dim[]): string => {
  const numbers = dims.filter((d): d is number => typeof d === 'number');
  return [product(numbers), ...dims.map((d, i) => (d === null ? `?${i}` : d)).filter((d) => typeof d === 'string').sort()].join('*'); // prettier-ignore
};

/** Cuts two shapes of as many elements into the shortest blocks that have as many elements each. */
export function matchBlocks(from: readonly Dim[], to: readonly Dim[]): Block[] {
  const ins = from.flatMap((d, i) => (d === 1 ? [] : [i]));
  const outs = to.flatMap((d, i) => (d === 1 ? [] : [i]));
  const same = (i: number | undefined, o: number | undefined): boolean =>
    i !== undefined && o !== undefined && from[i] !== null && from[i] === to[o];
  const tail: Block[] = [];
  const head: Block[] = [];
  while (same(ins[0], outs[0])) head.push({ ins: [ins.shift() as number], outs: [outs.shift() as number] });
  while (same(ins.at(-1), outs.at(-1))) tail.unshift({ ins: [ins.pop() as number], outs: [outs.pop() as number] });
  const middle: Block[] = [];
  while (ins.length > 0 || outs.length > 0) middle.push(nextBlock(ins, outs, from, to));
  return [...head, ...middle, ...tail];
}

function nextBlock(ins: number[], outs: number[], from: readonly Dim[], to: readonly Dim[]): Block {
  for (let a = 1; a <= ins.length; a++)
    for (let b = 1; b <= outs.length; b++) {
      const [left, right] = [ins.slice(0, a), outs.slice(0, b)];
      if (key(left.map((i) => from[i] as Dim)) !== key(right.map((o) => to[o] as Dim))) continue;
      if ([...left.map((i) => from[i]), ...right.map((o) => to[o])].includes(null)) continue;
      return { ins: ins.splice(0, a), outs: outs.splice(0, b) };
    }
  return { ins: ins.splice(0), outs: outs.splice(0) };
}

/** The unit of each element of a block of axes; null when none is labelled. */
function flattened(sizes: readonly number[], axes: readonly Axis[]): Int32Array | null {
  const first = axes.find((axis) => axis !== null);
  if (!first) return null;
  const steps = strides(sizes);
  const units = new Int32Array(product(sizes));
  const inner = isLabels(first) ? [] : strides(first.grid.sizes);
  for (let e = 0; e < units.length; e++) {
    let cell = 0;
    axes.forEach((axis, i) => {
      const at = Math.floor(e / (steps[i] as number)) % (sizes[i] as number);
      if (isLabels(axis) && axis === first) cell = at;
      else if (isGridAxis(axis)) cell += at * (inner[axis.at] as number);
    });
    units[e] = (isLabels(first) ? first : first.grid.labels)[cell] as number;
  }
  return units;
}

/** Spreads the units of a block over its new axes: only those along which units differ carry any. */
function spread(units: Int32Array, sizes: readonly number[], walk: Walk): Axis[] {
  if (sizes.length === 1) return [units];
  const steps = strides(sizes);
  const differs = sizes.map((size, i) => {
    const step = steps[i] as number;
    return units.some((unit, e) => Math.floor(e / step) % size > 0 && units[e - step] !== unit);
  });
  const along = sizes.flatMap((_, i) => (differs[i] ? [i] : []));
  if (along.length === 0) along.push(0);
  const widths = along.map((i) => sizes[i] as number);
  const at = strides(widths);
  const cells = Int32Array.from({ length: product(widths) }, (_, cell) => {
    const e = along.reduce((sum, i, k) => sum + (Math.floor(cell / (at[k] as number)) % (widths[k] as number)) * (steps[i] as number), 0); // prettier-ignore
    return units[e] as number;
  });
  if (along.length === 1) return sizes.map((_, i) => (i === along[0] ? cells : null));
  const grid = walk.grid(widths, cells);
  return sizes.map((_, i) => (along.includes(i) ? { grid, at: along.indexOf(i) } : null));
}

/** The axes of the new form of a value. */
function reshaped(name: string, to: readonly Dim[], walk: Walk, node: Parameters<Rule>[0]): Axis[] {
  const value = walk.value(name);
  const blocks = matchBlocks(value.dims, to);
  const blockOf = (axis: number): Block | undefined => blocks.find((b) => b.ins.includes(axis));
  const single = (block: Block | undefined): boolean => block?.ins.length === 1 && block.outs.length === 1;
  const fits = [...gridsOf(value).values()].every(
    (at) => at.every((i) => single(blockOf(i))) || at.every((i) => blockOf(i) === blockOf(at[0] as number)),
  );
  const axes = fits ? value.axes : walk.settled(name, node);
  const result = new Array<Axis>(to.length).fill(null);
  axes.forEach((axis, i) => {
    if (value.dims[i] === 1) walk.freezeAxis(axis, `${called(node)} reads it`);
  });
  for (const block of blocks) {
    const { ins, outs } = block;
    if (single(block)) {
      result[outs[0] as number] = axes[ins[0] as number] ?? null;
      continue;
    }
    const inside = [...new Set(ins.map((i) => axes[i] ?? null).flatMap((axis) => (axis ? [isGridAxis(axis) ? axis.grid : axis] : [])))]; // prettier-ignore
    if (inside.length === 0) continue;
    const sizes = [ins.map((i) => value.dims[i] as Dim), outs.map((o) => to[o] as Dim)];
    const known = sizes.every((list) => list.every((d) => typeof d === 'number'));
    if (
      !known ||
      product(sizes[0] as number[]) > MOST_ELEMENTS ||
      product(sizes[0] as number[]) !== product(sizes[1] as number[])
    ) {
      for (const i of ins) walk.freezeAxis(axes[i], `${called(node)} joins it with an axis of open size`);
      continue;
    }
    for (const i of ins) {
      const axis = axes[i];
      if (axis && inside.indexOf(isGridAxis(axis) ? axis.grid : axis) > 0) walk.freezeAxis(axis, `${called(node)} joins two axes of channels`); // prettier-ignore
    }
    const units = flattened(sizes[0] as number[], ins.map((i) => axes[i] ?? null)); // prettier-ignore
    if (units) spread(units, sizes[1] as number[], walk).forEach((axis, k) => (result[outs[k] as number] = axis));
  }
  return result;
}

export const flatten: Rule = (node, walk) => {
  const output = node.outputs[0] as string;
  walk.set(output, reshaped(node.inputs[0] as string, walk.dims(output) ?? [], walk, node));
};

/** Sizes that are spelled out become the new ones. */
export const reshape: Rule = (node, walk) => {
  const [x, target] = node.inputs as [string, string];
  const output = node.outputs[0] as string;
  const to = walk.openDims(output);
  walk.set(output, reshaped(x, walk.dims(output) ?? [], walk, node));
  const from = walk.openDims(x);
  const left = to.filter((d, i) => typeof d !== 'number' && !(d !== null && from[i] === d));
  if (left.length > 1)
    walk.value(output).axes.forEach((axis, i) => {
      if (walk.isOpen(output, i)) walk.freezeAxis(axis, `${called(node)} has several axes of open size`);
    });
  const zeros = attrInt(node, 'allowzero', 0) === 0;
  walk.edit((surgery) => {
    const spelled = walk.ints(target);
    const now = to.map((_, i) => surgery.size(output, i));
    const changes = new Map<number, number>();
    to.forEach((before, i) => {
      const size = now[i];
      const says = spelled?.[i];
      if (typeof size !== 'number' || says === -1) return;
      if (says === 0 && zeros) {
        if (surgery.size(x, i) !== size) changes.set(i, size);
      } else if (size !== before || (!spelled && walk.tainted.has(target))) changes.set(i, size);
    });
    // The graph computes the size of an axis on which the batch and channels are joined from all of its channels.
    const joined = to.some((_, i) => walk.isOpen(output, i) && surgery.kept(output, i) !== null);
    const constant = spelled || (changes.size === 0 && !joined) ? null : constantTarget(from, to, now);
    if (!constant) return surgery.patch(node, 1, changes);
    surgery.constant(node, 1, constant);
    surgery.attribute(node, 'allowzero', null);
  });
};

/** Sizes of which at most one is left open; null when more are. An open size that stays in its place is copied (0). */
function constantTarget(from: readonly Dim[], to: readonly Dim[], now: readonly (number | null)[]): number[] | null {
  const target = now.map((size, i) => size ?? (to[i] !== null && from[i] === to[i] ? 0 : -1));
  return target.filter((size) => size === -1).length < 2 && !now.includes(0) ? target : null;
}
