import type { Node } from '../../ir.js';
import type { GraphView } from '../view.js';
import { wholeNumbers } from './constants.js';

/** Slice-10: starts, ends, axes, steps as inputs; axes count from the front when absent, steps are 1. */
export interface Parts {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly axes: readonly number[];
  readonly steps: readonly number[];
}

/** What a Slice takes, where that is constant. */
export function partsOf(node: Node, view: GraphView): Parts | null {
  if (view.opset < 10) return null;
  const [starts, ends] = [wholeNumbers(view, node.inputs[1]), wholeNumbers(view, node.inputs[2])];
  if (!starts || !ends) return null;
  const axes = node.inputs[3] ? wholeNumbers(view, node.inputs[3]) : starts.map((_, i) => i);
  const steps = node.inputs[4] ? wholeNumbers(view, node.inputs[4]) : starts.map(() => 1);
  return axes && steps && { starts, ends, axes, steps };
}
