/**
 * Sizes that the graph reads at run time (Shape) change with the channels. Where all of them are proven they are stored as numbers
 * long before; what is left is mixed with open sizes, and may only go where the rules write the numbers anew.
 */
import { attrInt, type Node } from '@verge/onnx';
import { called, wrap, type Walk } from '../walk.js';
import { isLabels } from '../values.js';

/** Operators that pick from and join lists of sizes. */
const PICKING = new Set(['Cast', 'Concat', 'Gather', 'Identity', 'Slice', 'Squeeze', 'Unsqueeze']);

/** Inputs that say sizes which the rules write anew. */
const WRITTEN: Readonly<Record<string, number>> = { Reshape: 1, Expand: 1, ConstantOfShape: 0, Resize: 3 };

/** The units that each element of a list of sizes counts. */
type Counted = readonly (readonly number[])[];

/** Follows sizes through a node. @returns whether the node works on sizes alone */
export function sizeRule(node: Node, walk: Walk): boolean {
  const output = node.outputs[0] as string;
  if (node.op === 'Shape' || node.op === 'Size') {
    const { axes } = walk.value(node.inputs[0] as string);
    const counted = axes.map((axis) => (axis ? [...new Set(isLabels(axis) ? axis : axis.grid.labels)] : []));
    if (node.op === 'Size') for (const unit of counted.flat()) walk.units.freeze(unit, `${called(node)} counts it`);
    else taint(output, counted.slice(...rangeOf(node)), walk);
    return true;
  }
  const read = node.inputs.flatMap((name, i) => (walk.tainted.has(name) && WRITTEN[node.op] !== i ? [name] : []));
  if (read.length === 0) return false;
  if (PICKING.has(node.op)) {
    taint(output, picked(node, walk), walk);
    return true;
  }
  for (const unit of read.flatMap((name) => walk.tainted.get(name) as Counted).flat())
    walk.units.freeze(unit, `${called(node)} computes with its number`);
  return false;
}

/** Shape-15 has a range of axes. */
function rangeOf(node: Node): [number, number | undefined] {
  const end = node.attributes.get('end');
  return [attrInt(node, 'start', 0), end?.kind === 'int' ? Number(end.value) : undefined];
}

/** What the elements that a node picks or joins count; where it is not known which they are, each counts as all. */
function picked(node: Node, walk: Walk): Counted {
  const [x] = node.inputs as [string];
  const all = walk.tainted.get(x) ?? [];
  const whole = [[...new Set(node.inputs.flatMap((name) => [...(walk.tainted.get(name) ?? [])].flat()))]];
  switch (node.op) {
    case 'Concat': {
      const parts = node.inputs.map((name): Counted | null => {
        const [size, known = []] = [walk.dims(name)?.[0], walk.tainted.get(name)];
        if (typeof size !== 'number') return null;
        return known.length === size ? known : Array.from({ length: size }, () => known.flat());
      });
      return parts.every((part) => part !== null) ? parts.flat() : whole;
    }
    case 'Gather': {
      const indices = walk.ints(node.inputs[1]);
      const at = indices?.flatMap((i) => all.slice(wrap(i, all.length)).slice(0, 1)) ?? [];
      return at.length === indices?.length ? at : whole;
    }
    case 'Slice': {
      const [start, end, steps] = [1, 2, 4].map((i) => walk.ints(node.inputs[i]));
      const plain = start?.length === 1 && end?.length === 1 && (!node.inputs[4] || steps?.[0] === 1);
      return plain ? all.slice(start[0], end[0]) : whole;
    }
    default:
      return all;
  }
}

function taint(output: string, counted: Counted, walk: Walk): void {
  if (counted.some((units) => units.length > 0)) walk.tainted.set(output, counted);
}
