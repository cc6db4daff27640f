import { attrInts, ints } from '../../attributes.js';
import type { Node } from '../../ir.js';
import { decline, ACCEPT, type Rule } from '../rewrite.js';
import { opPattern, valuePattern } from '../pattern.js';

const permOf = (node: Node): readonly number[] => attrInts(node, 'perm', []);

/** Transpose(Transpose(x)) -> one Transpose, or x when they undo each other. */
export const mergeTransposes: Rule = {
  name: 'merge-transposes',
  pattern: opPattern('Transpose', [opPattern('Transpose', [valuePattern('x')], 'first')], 'second'),
  check(match) {
    const [first, second] = [permOf(match.node('first')), permOf(match.node('second'))];
    if (first.length === 0 || second.length === 0) return decline('a permutation is implicit');
    if (first.length !== second.length) return decline('the permutations are of different ranks');
    return match.isPrivate('first') ? ACCEPT : decline('the result of the first is read elsewhere');
  },
  rewrite(match, builder) {
    const first = permOf(match.node('first'));
    const merged = permOf(match.node('second')).map((axis) => first[axis]!);
    if (merged.every((axis, i) => axis === i)) return match.value('x');
    return builder.node('Transpose', [match.value('x')], { perm: ints(merged) });
  },
};
