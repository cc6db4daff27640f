import { attrInts } from '../../attributes.js';
import { int64 } from '../../tensor.js';
import { opPattern, valuePattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import { reshapeTo } from './constants.js';

const VIEWS = ['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'];

/** Whether a neighbour changes nothing but the shape, so that the two can merge. */
function besideView(match: Match): boolean {
  const producer = match.view.producer(match.value('x'));
  const users = match.view.users(match.root.outputs[0]!);
  return (producer !== null && VIEWS.includes(producer.op)) || users.some((user) => VIEWS.includes(user.op));
}

/** Transpose that moves only axes of size 1 -> Reshape, where a neighbour can take it in. */
export const transposeIntoReshape: Rule = {
  name: 'transpose-into-reshape',
  pattern: opPattern('Transpose', [valuePattern('x')], 'transpose'),
  check(match) {
    const from = match.shape(match.value('x'));
    const perm = attrInts(match.root, 'perm', []);
    if (!from || perm.length !== from.length) return decline('the shape or the permutation is not known');
    const moved = perm.filter((axis) => from[axis] !== 1);
    if (moved.some((axis, i) => i > 0 && axis < moved[i - 1]!)) return decline('it moves elements');
    if (!besideView(match)) return decline('no neighbour only changes the shape');
    const to = perm.map((axis) => from[axis]!);
    return match.view.opset >= 5 && reshapeTo(from, to) ? ACCEPT : decline('the shape is not known when loading');
  },
  rewrite(match, builder) {
    const from = match.shape(match.value('x'))!;
    const to = attrInts(match.root, 'perm', []).map((axis) => from[axis]!);
    const target = reshapeTo(from, to)!;
    return builder.node('Reshape', [match.value('x'), builder.constant(int64([target.length], target), 'shape')]);
  },
};
