import { decline, ACCEPT, type Rule } from '../rewrite.js';
import { opPattern, valuePattern } from '../pattern.js';

/** Identity(x) -> x. One that names a graph output stays: the output needs its name. */
export const removeIdentity: Rule = {
  name: 'remove-identity',
  pattern: opPattern('Identity', [valuePattern('x')]),
  check: (match) =>
    match.view.isOutput(match.root.outputs[0]!) ? decline('it gives a graph output its name') : ACCEPT,
  rewrite: (match) => match.value('x'),
};
