import { attrInt } from '../../attributes.js';
import { int64 } from '../../tensor.js';
import { constantPattern, opPattern, valuePattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import { wholeNumbers } from './constants.js';

/** Shape-15: `start` and `end` choose a part. */
function chosen(match: Match): number[] | null {
  const whole = match.shape(match.value('x'));
  const shape = match.node('shape');
  const end = shape.attributes.has('end') ? attrInt(shape, 'end') : undefined;
  const sizes = whole?.slice(attrInt(shape, 'start', 0), end);
  const indices = wholeNumbers(match.view, match.value('indices'));
  const found = indices?.map((i) => sizes?.at(i) ?? null);
  return found?.every((d): d is number => typeof d === 'number') ? found : null;
}

/** Gather(Shape(x), constant) of sizes that are known, though others are not -> a constant. */
export const staticSizes: Rule = {
  name: 'static-sizes',
  pattern: opPattern('Gather', [opPattern('Shape', [valuePattern('x')], 'shape'), constantPattern('indices')], 'sizes'),
  check: (match) => (chosen(match) ? ACCEPT : decline('a size is not known when loading')),
  rewrite: (match, builder) => builder.constant(int64(match.constant('indices').dims, chosen(match)!), 'sizes'),
};
