import { attrFloat, attrInt, float } from '../../attributes.js';
import { opPattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import { sameShape, shapeOf } from './constants.js';

/** The operands of the sum, first the one that has its shape; null where the operator would not add them. */
function operands(match: Match): readonly [string, string] | null {
  const { view } = match;
  const add = match.node('sum');
  const sum = shapeOf(view, add.outputs[0]);
  if (!sum || (sum.length !== 2 && sum.length !== 3)) return null;
  const whole = (name: string): boolean => sameShape(shapeOf(view, name), sum);
  // The second one may be the same for the whole batch.
  const shared = (name: string): boolean => sum.length === 3 && sameShape(shapeOf(view, name), [1, sum[1]!, sum[2]!]);
  const [a, b] = add.inputs as [string, string];
  if (whole(a) && (whole(b) || shared(b))) return [a, b];
  return whole(b) && shared(a) ? [b, a] : null;
}

/**
 * A sum and the normalisation of it -> SkipLayerNormalization of com.microsoft. Where something else reads the sum, the operator
 * could give it, too; but that took up to a tenth longer than both nodes on vision transformers and mixers (ONNX Runtime 1.30).
 */
export const skipLayerNorm: Rule = {
  name: 'skip-layer-norm',
  pattern: opPattern('LayerNormalization', [opPattern('Add', [], 'sum')], 'norm'),
  check(match) {
    const { view, root } = match;
    if (!match.isPrivate('sum')) return decline('the sum is read elsewhere');
    const sum = match.node('sum').outputs[0]!;
    const type = view.type(sum);
    if (type?.kind !== 'tensor' || type.dtype !== 'float32') return decline('the sum is not known to be float32');
    if (!operands(match)) return decline('the operands are not known to be of one shape, of two or three axes');
    const shape = shapeOf(view, sum)!;
    const axis = attrInt(root, 'axis', -1);
    if (axis !== -1 && axis !== shape.length - 1) return decline('the normalisation is not over the last axis');
    if (root.outputs.slice(1).some((name) => name !== '')) return decline('its statistics are read');
    const rows = root.inputs.slice(1).filter((name) => name !== '');
    return rows.every((name) => sameShape(shapeOf(view, name), shape.slice(-1)))
      ? ACCEPT
      : decline('scale or shift is not known to be one number for each element of a row');
  },
  rewrite(match, builder) {
    const { root } = match;
    const inputs = [...operands(match)!, ...root.inputs.slice(1)];
    const attributes = { epsilon: float(attrFloat(root, 'epsilon', 1e-5)) };
    const options = { domain: 'com.microsoft', name: root.name };
    return builder.node('SkipLayerNormalization', inputs, attributes, 1, options);
  },
};
