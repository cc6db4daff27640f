import { int64 } from '../../tensor.js';
import { opPattern, valuePattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import { reshapeTo, sameShape } from './constants.js';

const VIEWS = 'Reshape|Flatten|Squeeze|Unsqueeze';

const shapes = (match: Match) => [match.shape(match.value('x')), match.shape(match.root.outputs[0]!)] as const;

/** Two operators that only change the shape -> one Reshape, or x when the shape is again that of x. */
export const mergeViews: Rule = {
  name: 'merge-views',
  pattern: opPattern(VIEWS, [opPattern(VIEWS, [valuePattern('x')], 'first')], 'second'),
  check(match) {
    const [from, to] = shapes(match);
    if (sameShape(from, to)) return ACCEPT;
    if (!match.isPrivate('first')) return decline('the result of the first is read elsewhere');
    // Before operator set 5 Reshape had its shape as an attribute.
    return match.view.opset >= 5 && reshapeTo(from, to) ? ACCEPT : decline('the shape is not known when loading');
  },
  rewrite(match, builder) {
    const [from, to] = shapes(match);
    if (sameShape(from, to)) return match.value('x');
    const target = reshapeTo(from, to)!;
    return builder.node('Reshape', [match.value('x'), builder.constant(int64([target.length], target), 'shape')]);
  },
};
