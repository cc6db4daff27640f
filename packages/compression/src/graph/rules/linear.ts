/** Sums of products: Conv, ConvTranspose, Gemm, MatMul, Einsum. A removed channel of what they read takes its weights along. */
import { attrInt, attrString, type Node } from '@verge/onnx';
import { called, type Rule, type Walk } from '../walk.js';
import { isLabels, type Axis } from '../values.js';
import { opaque } from './elementwise.js';
import type { Units } from '../units.js';

const fixedSpace = (node: Node): string => `${called(node)} reads it along a spatial axis`;

function addBias(node: Node, labels: Axis, walk: Walk): void {
  const bias = node.inputs[2];
  if (bias) walk.unite(walk.settled(bias, node)[0], labels, `the bias of ${called(node)} is not constant`);
}

/** Blocks of equal size. */
export const blocksOf = (labels: Int32Array, count: number): Int32Array[] =>
  Array.from({ length: count }, (_, g) => labels.subarray((g * labels.length) / count, ((g + 1) * labels.length) / count)); // prettier-ignore

/** Ties the k-th units of all blocks. */
export function tieAcross(units: Units, blocks: readonly Int32Array[], reason: string): void {
  const [first, ...others] = blocks;
  for (const block of others) block.forEach((unit, k) => units.union(first?.[k] as number, unit, reason));
}

/**
 * The two ways to thin a grouped convolution out: each group loses the same channels where that leaves it blocks to lose, else whole
 * groups go. One of `read` and `made` has the weight's shared axis, which stands for all groups at once.
 */
function decideGroups(node: Node, group: number, read: Int32Array, made: Int32Array, shared: Axis, walk: Walk): void {
  const reason = `${called(node)} is grouped`;
  const [reads, makes] = [blocksOf(read, group), blocksOf(made, group)];
  const byGroup = (units: Units): void => {
    reads.forEach((block, g) => units.unionAll([...block, ...(makes[g] as Int32Array)], reason));
    if (isLabels(shared)) for (const unit of shared) units.freeze(unit, reason);
  };
  const sides = [reads[0] as Int32Array, makes[0] as Int32Array];
  if (sides.some((side) => side.length === 1)) return byGroup(walk.units);
  const within = (units: Units): void => {
    tieAcross(units, reads, reason);
    tieAcross(units, makes, reason);
    if (isLabels(shared)) {
      const side = node.op === 'Conv' ? reads : makes;
      shared.forEach((unit, k) => units.union(unit, side[0]?.[k] as number, reason));
    }
    if (units === walk.units) walk.runs.push(...sides);
  };
  const prefer = sides.every((side) => side.length >= 2 * walk.block) ? 1 : 0;
  walk.decisions.push({ prefer, parts: [[read], [made]], options: [byGroup, within] });
}

const conv: Rule = (node, walk) => {
  const [x, weight] = node.inputs as [string, string];
  const output = node.outputs[0] as string;
  const transposed = node.op === 'ConvTranspose';
  const group = attrInt(node, 'group', 1);
  const [batch, read, ...space] = walk.settled(x, node, (axis) => axis === 1);
  const [first, second, ...kernel] = walk.settled(weight, node, (axis) => axis < 2);
  for (const axis of [...space, ...kernel]) walk.freezeAxis(axis, fixedSpace(node));
  let made: Axis = (transposed ? second : first) ?? null;
  if (group === 1) {
    walk.unite(read, transposed ? first : second, `${called(node)} reads it with weights that are not constant`);
  } else if (isLabels(read) && isLabels(first) && isLabels(second)) {
    if (transposed) {
      walk.unite(read, first, '');
      made = walk.units.fresh(second.length * group);
    }
    decideGroups(node, group, read, made as Int32Array, second, walk);
    walk.edit((surgery) => {
      const [all, each] = transposed
        ? [surgery.size(output, 1), surgery.size(weight, 1)]
        : [surgery.size(x, 1), surgery.size(weight, 1)];
      if (all !== null && each) surgery.count(node, 'group', all / each);
    });
  } else {
    for (const axis of [read, first, second]) walk.freezeAxis(axis, `${called(node)} is grouped, with channels that stay`); // prettier-ignore
    made = null;
  }
  // A channel that only its own filter sees needs no sum.
  const alone = group > 1 && isLabels(read) && read.length === group;
  if (!alone) walk.sink(node, 0, 1, read);
  addBias(node, made, walk);
  if (!alone) walk.producer(node, weight, transposed ? 1 : 0, made);
  walk.set(output, [batch ?? null, made, ...space.map(() => null)]);
};

const gemm: Rule = (node, walk) => {
  const [a, b, c] = node.inputs as [string, string, string | undefined];
  const output = node.outputs[0] as string;
  const ka = attrInt(node, 'transA', 0) === 1 ? 0 : 1;
  const kb = attrInt(node, 'transB', 0) === 1 ? 1 : 0;
  const left = walk.settled(a, node);
  const right = walk.settled(b, node, (axis) => axis !== kb);
  walk.unite(left[ka], right[kb], `${called(node)} multiplies it by what has sizes that stay`);
  walk.sink(node, 0, ka, left[ka]);
  const made = [left[1 - ka] ?? null, right[1 - kb] ?? null];
  walk.producer(node, b, 1 - kb, made[1]);
  walk.producer(node, a, 1 - ka, made[0]);
  if (c) {
    const dims = walk.value(c).dims;
    walk.settled(c, node).forEach((axis, i) => {
      const to = i + 2 - dims.length;
      if (dims[i] !== 1 || walk.dims(output)?.[to] === 1)
        walk.unite(axis, made[to], `${called(node)} adds what has sizes that stay`);
    });
  }
  walk.set(output, made);
};

const matMul: Rule = (node, walk) => {
  const [a, b] = node.inputs as [string, string];
  const output = node.outputs[0] as string;
  const [ra, rb] = [walk.value(a).dims.length, walk.value(b).dims.length];
  const [ka, kb] = [ra - 1, Math.max(0, rb - 2)];
  const left = walk.settled(a, node);
  const right = walk.settled(b, node, (axis) => axis !== kb);
  walk.unite(left[ka], right[kb], `${called(node)} multiplies it by what has sizes that stay`);
  walk.sink(node, 0, ka, left[ka]);
  const batch = Math.max(0, ra - 2, rb - 2);
  const made = batch > 0 ? batchAxes(node, [a, b], [left, right], batch, walk) : [];
  if (ra > 1) made.push(left[ra - 2] ?? null);
  if (rb > 1) made.push(right[rb - 1] ?? null);
  if (rb > 1) walk.producer(node, b, rb - 1, right[rb - 1]);
  if (ra > 1) walk.producer(node, a, ra - 2, left[ra - 2]);
  walk.set(output, made);
};

/** Leading axes are broadcast against each other. */
function batchAxes(
  node: Node,
  names: readonly string[],
  sides: readonly (readonly Axis[])[],
  batch: number,
  walk: Walk,
): Axis[] {
  return Array.from({ length: batch }, (_, i): Axis => {
    const there = sides.flatMap((axes, s) => {
      const at = i - (batch - Math.max(0, axes.length - 2));
      if (at < 0 || axes.length < 3) return [];
      return [{ axis: axes[at] ?? null, size: walk.value(names[s] as string).dims[at] }];
    });
    const wide = there.filter(({ size }) => size !== 1);
    const [first, second] = wide.length > 0 ? wide : there;
    if (!second) return first?.axis ?? null;
    if (first?.axis || second.axis) walk.unite(first?.axis, second.axis, `${called(node)} pairs it with what has sizes that stay`); // prettier-ignore
    return isLabels(first?.axis) && isLabels(second.axis) ? first.axis : null;
  });
}

/** Letters that the result lacks are summed over. */
const einsum: Rule = (node, walk) => {
  const [terms, result] = attrString(node, 'equation').replaceAll(' ', '').split('->') as [string, string | undefined];
  const letters = terms.split(',');
  const odd = letters.some((term) => new Set(term).size !== term.length || !/^[A-Za-z]*$/.test(term));
  if (result === undefined || odd || letters.length !== node.inputs.length) return opaque(node, walk, node.inputs);
  const sides = node.inputs.map((name, s) => {
    const term = letters[s] as string;
    const kept = (axis: number): boolean => result.includes(term[axis] as string);
    const value = walk.value(name);
    return walk.settled(name, node, value.axes.some((axis, i) => axis && kept(i)) ? kept : undefined);
  });
  const found = new Map<string, Axis>();
  letters.forEach((term, s) =>
    [...term].forEach((letter, i) => {
      const axis = sides[s]?.[i] ?? null;
      if (!found.has(letter)) {
        found.set(letter, axis);
        if (!result.includes(letter)) walk.sink(node, s, i, axis);
      } else {
        walk.unite(found.get(letter), axis, `${called(node)} pairs it with what has sizes that stay`);
        if (!isLabels(axis)) found.set(letter, null);
      }
      if (result.includes(letter)) walk.producer(node, node.inputs[s] as string, i, axis);
    }),
  );
  walk.set(node.outputs[0] as string, [...result].map((letter) => found.get(letter) ?? null)); // prettier-ignore
};

export const linearRules: Readonly<Record<string, Rule>> = {
  Conv: conv,
  ConvTranspose: conv,
  Gemm: gemm,
  MatMul: matMul,
  Einsum: einsum,
};
