import { attrInts, attrString, ints } from '../../attributes.js';
import type { Node } from '../../ir.js';
import { opPattern, valuePattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import type { GraphView } from '../view.js';
import { everyElementIs, shapeOf, wholeNumbers } from './constants.js';

/** Pad-11: pads and the value are inputs; before, attributes. Begins of all axes, then ends. Null when not all zeros. */
function zeroPads(pad: Node, view: GraphView): number[] | null {
  if (attrString(pad, 'mode', 'constant') !== 'constant' || pad.inputs[3]) return null;
  if (view.opset < 11) {
    const value = pad.attributes.get('value');
    return value?.kind === 'float' && value.value !== 0 ? null : attrInts(pad, 'pads', []).slice();
  }
  const value = pad.inputs[2] ? view.constant(pad.inputs[2]) : null;
  if (pad.inputs[2] && (!value || !everyElementIs(value, 0))) return null;
  return wholeNumbers(view, pad.inputs[1]);
}

/** Pads of the convolution that say the same, or a reason why there are none. */
function combined(match: Match): number[] | string {
  const conv = match.node('conv');
  const pads = zeroPads(match.node('pad'), match.view);
  if (!pads) return 'it pads by something else than constant zeros, or along chosen axes';
  const rank = shapeOf(match.view, conv.inputs[1])?.length;
  if (pads.length !== 2 * (rank ?? 0)) return 'the rank is not known';
  if (pads.some((p) => p < 0)) return 'it crops';
  if ([0, 1].some((axis) => pads[axis] !== 0 || pads[axis + rank!] !== 0)) return 'it pads samples or channels';
  if (attrString(conv, 'auto_pad', 'NOTSET') !== 'NOTSET') return 'the convolution pads by itself';
  const spatial = [...pads.slice(2, rank), ...pads.slice(rank! + 2)];
  const own = attrInts(conv, 'pads', []);
  return spatial.map((p, i) => p + (own[i] ?? 0));
}

/** Conv(Pad(x) with zeros) -> Conv with larger pads. */
export const padIntoConv: Rule = {
  name: 'pad-into-conv',
  pattern: opPattern('Conv', [opPattern('Pad', [valuePattern('x')], 'pad')], 'conv'),
  check(match) {
    if (!match.isPrivate('pad')) return decline('the padded value is read elsewhere');
    const pads = combined(match);
    return typeof pads === 'string' ? decline(pads) : ACCEPT;
  },
  rewrite(match, builder) {
    const conv = match.node('conv');
    const pads = combined(match) as number[];
    const attributes = { ...Object.fromEntries(conv.attributes), pads: ints(pads) };
    return builder.node('Conv', [match.value('x'), ...conv.inputs.slice(1)], attributes, 1, { name: conv.name });
  },
};
