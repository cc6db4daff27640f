import { attrInts, int } from '../../attributes.js';
import { int64 } from '../../tensor.js';
import { opPattern, valuePattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import { shapeOf, wholeNumbers } from './constants.js';
import { partsOf } from './slice-parts.js';

/** Exporters write the largest number for 'to the end'; no axis is as long. */
const END = 2 ** 31 - 1;

/** The one place that the Slice keeps and the Squeeze takes out of its axis. */
function placeOf(match: Match): { axis: number; index: number } | null {
  const { view } = match;
  const [slice, squeeze] = [match.node('slice'), match.root];
  const shape = shapeOf(view, match.value('x'));
  const parts = partsOf(slice, view);
  const squeezed = view.opset < 13 ? attrInts(squeeze, 'axes', []) : wholeNumbers(view, squeeze.inputs[1]);
  if (!shape || parts?.axes.length !== 1 || squeezed?.length !== 1) return null;
  const [axis, other] = [parts.axes[0]!, squeezed[0]!].map((a) => (a < 0 ? a + shape.length : a));
  const [start, end, step] = [parts.starts[0]!, parts.ends[0]!, parts.steps[0]!];
  // Of a range of one that lies outside neither operator makes anything: a Squeeze of no element fails as a Gather does.
  const one = end - start === 1 || (start === -1 && end >= END);
  if (axis !== other || step !== 1 || !one || (start < 0 && end === 0)) return null;
  // Gather-11 counts from the end; before, it did not.
  const size = shape[axis!];
  const index = start < 0 && typeof size === 'number' ? start + size : start;
  return index < 0 && view.opset < 11 ? null : { axis: axis!, index };
}

/** Slice of one place, then Squeeze of its axis -> Gather of that place. */
export const sliceIntoGather: Rule = {
  name: 'slice-into-gather',
  pattern: opPattern('Squeeze', [opPattern('Slice', [valuePattern('x')], 'slice')], 'squeeze'),
  check(match) {
    if (!match.isPrivate('slice')) return decline('the result of the Slice is read elsewhere');
    return placeOf(match) ? ACCEPT : decline('it is not known to take one place of one axis');
  },
  rewrite(match, builder) {
    const { axis, index } = placeOf(match)!;
    const inputs = [match.value('x'), builder.constant(int64([], [index]), 'index')];
    return builder.node('Gather', inputs, { axis: int(axis) });
  },
};
