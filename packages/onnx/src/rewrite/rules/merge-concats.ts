import { attrInt, int } from '../../attributes.js';
import type { Node } from '../../ir.js';
import { opPattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';

/** Concat of the same axis whose result only the root reads, and only once. */
function inner(match: Match): Node[] {
  const { root, view } = match;
  const rank = view.type(root.outputs[0]!);
  const axisOf = (node: Node): number => {
    const axis = attrInt(node, 'axis', 1);
    return axis < 0 && rank?.kind === 'tensor' && rank.shape ? axis + rank.shape.length : axis;
  };
  return root.inputs
    .map((name) => view.producer(name))
    .filter((node): node is Node => node?.op === 'Concat' && axisOf(node) === axisOf(root))
    .filter(({ outputs: [name] }) => {
      const once = root.inputs.filter((input) => input === name).length === 1;
      return once && !view.isOutput(name!) && view.users(name!).length === 1;
    });
}

/** Concat(Concat(a, b), c) along one axis -> Concat(a, b, c). */
export const mergeConcats: Rule = {
  name: 'merge-concats',
  pattern: opPattern('Concat', [], 'concat'),
  check: (match) =>
    inner(match).length > 0 ? ACCEPT : decline('no input is a Concat of the same axis, read only here'),
  rewrite(match, builder) {
    const parts = new Map(inner(match).map((node) => [node.outputs[0]!, node.inputs]));
    const inputs = match.root.inputs.flatMap((name) => parts.get(name) ?? [name]);
    return builder.node('Concat', inputs, { axis: int(attrInt(match.root, 'axis', 1)) });
  },
};
