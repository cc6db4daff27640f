import { int64 } from '../../tensor.js';
import { opPattern, valuePattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import { partsOf, type Parts } from './slice-parts.js';

/** Both slices in one; null when they are not constant or share an axis. */
function merged(match: Match): Parts | null {
  const [first, second] = [partsOf(match.node('first'), match.view), partsOf(match.node('second'), match.view)];
  if (!first || !second) return null;
  const axes = [...first.axes, ...second.axes];
  // A negative axis and a positive one may be the same, which only the rank tells.
  if (new Set(axes).size < axes.length || axes.some((a) => a < 0 !== axes[0]! < 0)) return null;
  return {
    axes,
    starts: [...first.starts, ...second.starts],
    ends: [...first.ends, ...second.ends],
    steps: [...first.steps, ...second.steps],
  };
}

/** Slice(Slice(x)) along different axes -> one Slice. */
export const mergeSlices: Rule = {
  name: 'merge-slices',
  pattern: opPattern('Slice', [opPattern('Slice', [valuePattern('x')], 'first')], 'second'),
  check(match) {
    if (!match.isPrivate('first')) return decline('the result of the first is read elsewhere');
    return merged(match) ? ACCEPT : decline('the slices are not constant, or of the same axis');
  },
  rewrite(match, builder) {
    const parts = merged(match)!;
    const stored = (name: keyof Parts): string => {
      // The largest numbers mean 'to the end' and must stay whole: int64 takes them from doubles.
      const data = parts[name].map((v) => BigInt(Math.max(-(2 ** 53), Math.min(2 ** 53, v))));
      return builder.constant(int64([data.length], data), name);
    };
    const inputs = [match.value('x'), stored('starts'), stored('ends'), stored('axes'), stored('steps')];
    return builder.node('Slice', inputs);
  },
};
