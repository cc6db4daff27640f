/** Rules about halves. */
import { nodeName } from '../../graph/index-of-values.js';
import type { Rule } from '../target.js';

/** @param source how slow it is, and where that was measured */
export const noFloat16 = (source: string): Rule => ({
  name: 'no-float16',
  consequence: 'slower',
  requires: 'nothing is computed in float16',
  source,
  check: (facts) =>
    facts.nodes.flatMap((node) =>
      node.op !== 'Cast' && node.outputs.some((o) => o !== '' && facts.dtype(o) === 'float16')
        ? [{ node: nodeName(node), reason: 'it computes in float16' }]
        : [],
    ),
});
