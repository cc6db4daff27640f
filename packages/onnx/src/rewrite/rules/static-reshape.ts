import { attrInt } from '../../attributes.js';
import { int64 } from '../../tensor.js';
import { opPattern, valuePattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import { reshapeTo } from './constants.js';

const targetOf = (match: Match): number[] | null =>
  reshapeTo(match.shape(match.value('x')), match.shape(match.root.outputs[0]!));

/**
 * Reshape to a shape that the graph computes, whose result is known up to one size or to sizes that stay where they
 * are -> Reshape by a constant with -1 and 0. The chain of Shape, Gather and Concat behind it is dead after that.
 */
export const staticReshape: Rule = {
  name: 'static-reshape',
  pattern: opPattern('Reshape', [valuePattern('x'), valuePattern('shape')], 'reshape'),
  check(match) {
    if (match.view.constant(match.value('shape'))) return decline('the shape is constant');
    if (attrInt(match.root, 'allowzero', 0) !== 0) return decline('a 0 in the shape means a size of 0');
    return targetOf(match) ? ACCEPT : decline('the shape is not known when loading');
  },
  rewrite(match, builder) {
    const target = targetOf(match)!;
    return builder.node('Reshape', [match.value('x'), builder.constant(int64([target.length], target), 'shape')]);
  },
};
