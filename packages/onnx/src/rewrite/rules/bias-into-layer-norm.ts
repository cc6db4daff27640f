import { attrInt } from '../../attributes.js';
import type { Node } from '../../ir.js';
import { eitherWay, opPattern, valuePattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import { shapeOf } from './constants.js';
import { asRow, isRow } from './layer-norm-parts.js';

/** The sizes that a LayerNormalization normalises over, where they are known. */
function sizesOf(norm: Node, match: Match): readonly number[] | null {
  const shape = shapeOf(match.view, norm.inputs[0]);
  if (!shape) return null;
  const axis = attrInt(norm, 'axis', -1);
  const sizes = shape.slice(axis < 0 ? axis + shape.length : axis);
  return sizes.every((d): d is number => typeof d === 'number') ? sizes : null;
}

/** LayerNormalization without a bias, and the Add behind it -> LayerNormalization. */
export const biasIntoLayerNorm: Rule = {
  name: 'bias-into-layer-norm',
  pattern: eitherWay('Add', [opPattern('LayerNormalization', [], 'norm'), valuePattern('bias')], 'add'),
  check(match) {
    const norm = match.node('norm');
    if (norm.inputs[2]) return decline('it has a bias');
    if (!match.isPrivate('norm') || norm.outputs.slice(1).some((name) => name !== ''))
      return decline('a result of the LayerNormalization is read elsewhere');
    const sizes = sizesOf(norm, match);
    return sizes && isRow(match.view, match.value('bias'), sizes)
      ? ACCEPT
      : decline('what is added is not one number for each element of a row');
  },
  rewrite(match, builder) {
    const norm = match.node('norm');
    const bias = asRow(match.view, match.value('bias'), sizesOf(norm, match)!, builder);
    const inputs = [norm.inputs[0]!, norm.inputs[1]!, bias];
    return builder.node('LayerNormalization', inputs, Object.fromEntries(norm.attributes), 1, { name: norm.name });
  },
};
