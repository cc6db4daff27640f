/**
 * Numbers rounded to their levels and back (QuantizeLinear-21, then DequantizeLinear-21 with the same scale and zero point) as one
 * operator, with the gradient that the rows of the two have together: straight through within the range of the levels
 * (arXiv 1308.3432), and by the scale that of LSQ (arXiv 1902.08153).
 */
import { attrInt, int } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import type { Attributes, Shape } from '../tape.js';
import { LEVELS } from './quantization.js';
import type { Row } from './row.js';
import { axisOf } from './shape-ops.js';

/** Domain of operators that only this package's own rewrites write; none is left in a step. */
export const OWN_DOMAIN = 'verge.training';

/** Attribute: 1 where x is known to be no less than the lowest level. */
export const ABOVE = 'above';

/** Inputs: x, scale, zero point or none. Outputs: x on its levels, and the levels themselves. */
export const FAKE_QUANTIZE = 'FakeQuantize';

/** The shape in which a scale (one for all, or one for each index of an axis) is broadcast to a tensor. */
function spread(shape: Shape, scale: Shape, axis: number): Shape {
  const along = axisOf(axis, shape.length);
  const one = scale.every((d) => d === 1);
  return shape.map((d, i) => (i === along && !one ? d : 1));
}

export const fakeQuantize: Row = {
  forward: (t, node) => {
    const [y, levels] = node.outputs as [string, string];
    const [, scale, zero] = node.inputs as [string, string, string?];
    const axis: Attributes = node.attributes.has('axis') ? { axis: int(attrInt(node, 'axis', 1)) } : {};
    t.node('QuantizeLinear', node.inputs, [levels], axis);
    t.node('DequantizeLinear', [levels, scale, ...(zero ? [zero] : [])], [y], axis);
    return {};
  },
  vjp: (t, { node, inputs, outputs }, dy) => {
    const [x, scale, zero] = inputs as [string, string, string?];
    const [y, levels] = outputs as [string, string];
    const range = LEVELS[t.types.get(levels)!];
    if (!range) throw new TrainingError('no-gradient', `'${x}' is rounded to a type of unknown range`);
    const wide = spread(t.shape(x), t.shape(scale), attrInt(node, 'axis', 1));
    const size = t.reshape(scale, wide);
    const point = zero ? t.reshape(t.indicator(zero), t.shape(zero).length === 0 ? [] : wide) : t.scalar(0);
    // What rounds to the last level counts as inside.
    const end = (level: number, beyond: number): string => t.mul(t.sub(t.scalar(level + beyond), point), size);
    const below = t.compare('LessOrEqual', x, end(range[1], 0.5));
    const bounded = attrInt(node, ABOVE, 0) === 1;
    const both = bounded ? below : t.compare('And', t.compare('GreaterOrEqual', x, end(range[0], -0.5)), below);
    // A product with 0 or 1 takes half of the time of Where.
    const inside = t.indicator(both);
    return [
      () => t.mul(dy, inside),
      () => {
        // (level - zero point) is y / scale; within the range rounding moves it by (y - x) / scale.
        const moved = t.sub(y, t.mul(x, inside));
        return t.reshape(t.div(t.sumTo(t.mul(dy, moved), wide), size), t.shape(scale));
      },
      null,
    ];
  },
};
