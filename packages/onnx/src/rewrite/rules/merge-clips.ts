import { float } from '../../attributes.js';
import type { Node } from '../../ir.js';
import { float32 } from '../../tensor.js';
import { opPattern, valuePattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import type { GraphView } from '../view.js';
import { scalarOf } from './constants.js';

interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** Clip-11 has its bounds as inputs; Clip-6 as attributes; Relu is a Clip from 0. Null when a bound is not constant. */
function boundsOf(node: Node, view: GraphView): Bounds | null {
  if (node.op === 'Relu') return { low: 0, high: Infinity };
  const bound = (name: string, i: number, none: number): number | null => {
    if (view.opset < 11) {
      const attribute = node.attributes.get(name);
      return attribute?.kind === 'float' ? attribute.value : none;
    }
    return node.inputs[i] ? scalarOf(view, node.inputs[i]) : none;
  };
  const [low, high] = [bound('min', 1, -Infinity), bound('max', 2, Infinity)];
  return low === null || high === null || low > high ? null : { low, high };
}

function merged(match: Match): Bounds | null {
  const [first, second] = [boundsOf(match.node('first'), match.view), boundsOf(match.node('second'), match.view)];
  if (!first || !second) return null;
  const into = (v: number): number => Math.min(Math.max(v, second.low), second.high);
  return { low: into(first.low), high: into(first.high) };
}

/** Relu and Clip after one another, of float32 and with constant bounds -> one Clip, or one Relu when it says it all. */
export const mergeClips: Rule = {
  name: 'merge-clips',
  pattern: opPattern('Relu|Clip', [opPattern('Relu|Clip', [valuePattern('x')], 'first')], 'second'),
  check(match) {
    const type = match.view.type(match.value('x'));
    if (type?.kind !== 'tensor' || type.dtype !== 'float32') return decline('the values are not known to be float32');
    if (!match.isPrivate('first')) return decline('the result of the first is read elsewhere');
    return merged(match) ? ACCEPT : decline('a bound is not a float32 constant');
  },
  rewrite(match, builder) {
    const { low, high } = merged(match)!;
    const x = match.value('x');
    if (low === 0 && high === Infinity) return builder.node('Relu', [x]);
    if (match.view.opset < 11) {
      return builder.node('Clip', [x], {
        ...(low > -Infinity && { min: float(low) }),
        ...(high < Infinity && { max: float(high) }),
      });
    }
    const bound = (value: number): string =>
      Number.isFinite(value) ? builder.constant(float32([], [value]), 'bound') : '';
    const inputs = [x, bound(low), bound(high)];
    while (inputs.at(-1) === '') inputs.pop();
    return builder.node('Clip', inputs);
  },
};
