import { attrInt, int } from '../../attributes.js';
import { decline, ACCEPT, type Rule } from '../rewrite.js';
import { constantPattern, opPattern, valuePattern } from '../pattern.js';

/** Reshape(Reshape|Flatten|Squeeze|Unsqueeze(x)) -> one Reshape: only the last shape counts. */
export const mergeReshapes: Rule = {
  name: 'merge-reshapes',
  pattern: opPattern(
    'Reshape',
    [opPattern('Reshape|Flatten|Squeeze|Unsqueeze', [valuePattern('x')], 'first'), constantPattern('shape')],
    'second',
  ),
  check(match) {
    const shape = match.constant('shape');
    if (shape.dtype !== 'int64') return decline('the shape is not of int64');
    // A 0 copies a dimension of the intermediate shape, which the merged node would not see.
    if (shape.data.includes(0n) && attrInt(match.node('second'), 'allowzero', 0) === 0) {
      return decline('the second shape copies a dimension of the first');
    }
    return match.isPrivate('first') ? ACCEPT : decline('the result of the first is read elsewhere');
  },
  rewrite(match, builder) {
    const zero = match.node('second').attributes.has('allowzero') ? attrInt(match.node('second'), 'allowzero') : null;
    return builder.node(
      'Reshape',
      [match.value('x'), match.value('shape')],
      zero === null ? {} : { allowzero: int(zero) },
    );
  },
};
