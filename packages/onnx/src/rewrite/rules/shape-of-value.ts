import { opPattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import { sameShape, shapeOf } from './constants.js';

/** Where an operator reads the shape of its result. */
const SHAPE_INPUT: Readonly<Record<string, number>> = { Expand: 1, ConstantOfShape: 0 };

/** Shapes are worked out in few nodes. */
const MOST_LOOKED_AT = 100;

/** The result of a Shape behind the computed shape, of a value that is proven to have the shape of the result. */
function shapeFrom(match: Match): string | null {
  const { view, root } = match;
  const wanted = shapeOf(view, root.outputs[0]);
  const seen = new Set([root.inputs[SHAPE_INPUT[root.op]!]!]);
  for (const name of seen) {
    const node = view.producer(name);
    if (!node || seen.size > MOST_LOOKED_AT) continue;
    // Shape-15 may give a part.
    if (node.op === 'Shape' && node.domain === '' && node.attributes.size === 0) {
      if (sameShape(shapeOf(view, node.inputs[0]), wanted)) return name;
    } else for (const input of node.inputs) if (input !== '') seen.add(input);
  }
  return null;
}

/** A shape that is worked out of that of a value and comes to the same -> the shape of the value. */
export const shapeOfValue: Rule = {
  name: 'shape-of-value',
  pattern: opPattern(Object.keys(SHAPE_INPUT).join('|'), [], 'node'),
  check(match) {
    const { view, root } = match;
    const shape = root.inputs[SHAPE_INPUT[root.op]!]!;
    if (view.constant(shape) || view.producer(shape)?.op === 'Shape') return decline('the shape is not worked out');
    if (!match.isPrivateValue(shape)) return decline('the shape is read elsewhere');
    return shapeFrom(match) ? ACCEPT : decline('no value behind the shape is known to have it');
  },
  rewrite(match, builder) {
    const { root } = match;
    const at = SHAPE_INPUT[root.op]!;
    const inputs = root.inputs.map((name, i) => (i === at ? shapeFrom(match)! : name));
    return builder.node(root.op, inputs, Object.fromEntries(root.attributes), 1, { name: root.name });
  },
};
