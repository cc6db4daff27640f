/** Operators that work element by element, on operands that are broadcast (ONNX docs/Broadcasting.md). */
import type { Node } from '@verge/onnx';
import { called, type Rule, type Walk } from '../walk.js';
import { gridsOf, isGridAxis, isLabels, type Axis, type Grid, type Value } from '../values.js';

/** An operand of a broadcast, with its axes aligned to those of the result. */
interface Operand {
  readonly name: string;
  readonly value: Value;
  /** Axis of the result less axis of the operand. */
  readonly shift: number;
}

/** Whether an operand has one index on all these axes of the result, and so says nothing of their channels. */
const absent = ({ value, shift }: Operand, places: readonly number[]): boolean =>
  places.every((i) => i < shift || value.dims[i - shift] === 1);

/** The grid of an operand that stands on the same axes in the same way. */
function alike({ value, shift }: Operand, grid: Grid, places: readonly number[]): Grid | null {
  for (const [other, at] of gridsOf(value)) {
    const same = at.length === places.length && at.every((p, i) => p + shift === places[i]);
    if (same && other.sizes.every((s, i) => s === grid.sizes[i])) return other;
  }
  return null;
}

/** Settles the grids that not all operands can go along with. */
function settleUnlike(operands: Operand[], node: Node, walk: Walk): Operand[] {
  let current = operands;
  for (;;) {
    const unlike = current.findIndex((operand) =>
      [...gridsOf(operand.value)].some(([grid, at]) => {
        const places = at.map((p) => p + operand.shift);
        return current.some((other) => other !== operand && !absent(other, places) && !alike(other, grid, places));
      }),
    );
    if (unlike < 0) return current;
    current = current.map((operand, i) => {
      if (i !== unlike) return operand;
      return { ...operand, value: { ...operand.value, axes: walk.settled(operand.name, node) } };
    });
  }
}

/** The axes of the result of operands that are broadcast, their channels tied. */
export function broadcast(node: Node, names: readonly string[], rank: number, walk: Walk): Axis[] {
  const aligned = names.map((name): Operand => {
    const value = walk.value(name);
    return { name, value, shift: rank - value.dims.length };
  });
  const operands = settleUnlike(aligned, node, walk);
  const result = new Array<Axis>(rank).fill(null);
  for (const operand of operands)
    for (const [grid, at] of gridsOf(operand.value)) {
      const places = at.map((p) => p + operand.shift);
      for (const other of operands) {
        const same = other === operand ? null : alike(other, grid, places);
        if (same) walk.unite(grid.labels, same.labels, '');
      }
      if (places.some((i) => result[i])) continue;
      places.forEach((i, k) => (result[i] = { grid, at: k }));
    }
  for (let i = 0; i < rank; i++) if (!isGridAxis(result[i])) result[i] = tieAxis(node, operands, i, walk);
  return result;
}

function tieAxis(node: Node, operands: readonly Operand[], i: number, walk: Walk): Axis {
  const there = operands.filter(({ shift }) => i >= shift);
  const wide = there.filter(({ value, shift }) => value.dims[i - shift] !== 1);
  const labelled = (wide.length > 0 ? wide : there).map(({ name, value, shift }) => ({ name, axis: value.axes[i - shift] ?? null })); // prettier-ignore
  const first = labelled.find(({ axis }) => isLabels(axis));
  if (!first) return null;
  const fixed = labelled.find(({ axis }) => !isLabels(axis));
  for (const { axis } of labelled) {
    if (axis === first.axis) continue;
    walk.unite(first.axis, axis, `${called(node)} combines it with '${fixed?.name ?? ''}', whose sizes stay`);
  }
  return fixed ? null : first.axis;
}

/** The result is as wide as its operands together. */
export const elementwise: Rule = (node, walk) => {
  const output = node.outputs[0] as string;
  const names = node.inputs.filter((name) => name !== '');
  walk.set(output, broadcast(node, names, walk.dims(output)?.length ?? 0, walk));
};

/** The first input, changed element by element; further inputs are scalars and second outputs must be unread. */
export const passing: Rule = (node, walk) => {
  const [output, ...more] = node.outputs as [string, ...string[]];
  if (more.some((name) => name !== '' && (walk.index.readers(name).length > 0 || walk.index.outputs.has(name))))
    walk.freezeValue(node.inputs[0] as string, `a second output of ${called(node)} is read`);
  walk.set(output, walk.value(node.inputs[0] as string).axes);
};

/** A node that no rule follows: everything that it reads stays whole. */
export function opaque(node: Node, walk: Walk, names: readonly string[], reason?: string): void {
  for (const name of names) walk.freezeValue(name, reason ?? `no rule follows ${called(node)}`);
  for (const name of node.outputs) if (name !== '') walk.set(name, (walk.dims(name) ?? []).map(() => null)); // prettier-ignore
}
