import { attrInt } from '../../attributes.js';
import { decline, ACCEPT, type Rule } from '../rewrite.js';
import { opPattern, valuePattern } from '../pattern.js';

/**
 * Dropout(x) -> x at inference. Since operator set 12 Dropout drops only when its third input, training_mode, is true
 * (ONNX Operators.md, Dropout). Sets 7 to 11 describe inference only; up to 6 it drops unless attribute is_test is 1.
 */
export const removeDropout: Rule = {
  name: 'remove-dropout',
  pattern: opPattern('Dropout', [valuePattern('x')]),
  check(match) {
    const { inputs, outputs } = match.root;
    const mask = outputs[1];
    if (mask && (match.view.isOutput(mask) || match.view.users(mask).length > 0)) return decline('its mask is read');
    if (match.view.opset < 7 && attrInt(match.root, 'is_test', 0) === 0) return decline('it drops: is_test is 0');
    const mode = inputs[2];
    if (!mode) return ACCEPT;
    const known = match.view.constant(mode);
    if (known?.dtype !== 'bool') return decline('training_mode is not constant');
    return known.data[0] === 0 ? ACCEPT : decline('it drops: training_mode is true');
  },
  rewrite: (match) => match.value('x'),
};
