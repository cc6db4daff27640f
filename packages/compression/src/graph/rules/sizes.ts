/**
 * Sizes that the graph reads at run time (Shape) change with the channels. Where all of them are proven they are stored as numbers
 * long before; what is left is mixed with open sizes, and may only go where the rules write the numbers anew.
 */
import type { Node } from '@verge/onnx';
import { called, type Walk } from '../walk.js';
import { isLabels } from '../values.js';

/** Operators that pick from and join lists of sizes. */
const PICKING = new Set(['Cast', 'Concat', 'Gather', 'Identity', 'Slice', 'Squeeze', 'Unsqueeze']);

/** Inputs that say sizes which the rules write anew. */
const WRITTEN: Readonly<Record<string, number>> = { Reshape: 1, Expand: 1, ConstantOfShape: 0, Resize: 3 };

/** Follows sizes through a node. @returns whether the node works on sizes alone */
export function sizeRule(node: Node, walk: Walk): boolean {
  if (node.op === 'Shape' || node.op === 'Size') {
    const units = walk
      .value(node.inputs[0] as string)
      .axes.flatMap((axis) => (axis ? [...(isLabels(axis) ? axis : axis.grid.labels)] : []));
    if (units.length > 0) taint(node, units, walk);
    return true;
  }
  const read = node.inputs.flatMap((name, i) => (walk.tainted.has(name) && WRITTEN[node.op] !== i ? [name] : []));
  if (read.length === 0) return false;
  const units = read.flatMap((name) => walk.tainted.get(name) as number[]);
  if (PICKING.has(node.op)) taint(node, units, walk);
  else {
    for (const unit of units) walk.units.freeze(unit, `${called(node)} computes with its number`);
    return false;
  }
  return true;
}

function taint(node: Node, units: number[], walk: Walk): void {
  if (node.op === 'Size') for (const unit of units) walk.units.freeze(unit, `${called(node)} counts it`);
  walk.tainted.set(node.outputs[0] as string, [...new Set(units)]);
}
