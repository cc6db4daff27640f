import { float, int } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import { int64 } from '../../tensor.js';
import type { Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import type { Heads } from './attention-heads.js';
import { attentionOf, exchanged, JOINED, type AttentionParts } from './attention-parts.js';
import { shapeOf } from './constants.js';

/** Attention is an operator from this set on. */
const SINCE = 23;

const columns = ({ heads, size }: Heads): number => heads * size;

/** Whether three values are all of one value, one behind the other. */
function isPacked([q, k, v]: readonly [Heads, Heads, Heads]): boolean {
  const width = columns(q);
  return (
    q.source === k.source &&
    q.source === v.source &&
    q.width === 3 * width &&
    q.offset === 0 &&
    k.offset === width &&
    v.offset === 2 * width
  );
}

/** The source as [batch, length, width]. */
function asSequence(match: Match, heads: Heads, builder: GraphBuilder): string {
  if (shapeOf(match.view, heads.source)?.length === 3) return exchanged(builder, heads.source, heads);
  const target = builder.constant(int64([3], [...heads.rows, heads.width]), 'shape');
  return exchanged(builder, builder.node('Reshape', [heads.source, target]), heads);
}

/** Products, Softmax and moves of heads -> Attention (operator set 23). */
export const attentionFromParts: Rule = {
  name: 'attention-from-parts',
  pattern: JOINED,
  check(match) {
    if (match.view.opset < SINCE) return decline(`operator set ${match.view.opset} has no Attention`);
    const parts = attentionOf(match);
    if (typeof parts === 'string') return decline(parts);
    const all = [parts.q, parts.k, parts.v] as const;
    const whole = all.every((h) => h.offset === 0 && h.width === columns(h));
    return whole || isPacked(all) ? ACCEPT : decline('queries, keys and values are cut in another way');
  },
  rewrite(match, builder) {
    const { q, k, v, scale, mask } = attentionOf(match) as AttentionParts;
    const width = columns(q);
    const values = isPacked([q, k, v])
      ? builder.node(
          'Split',
          [asSequence(match, q, builder), builder.constant(int64([3], [width, width, width]), 'split')],
          { axis: int(2) },
          3,
        )
      : [q, k, v].map((heads) => asSequence(match, heads, builder));
    const attributes = { q_num_heads: int(q.heads), kv_num_heads: int(q.heads), scale: float(scale) };
    const y = builder.node('Attention', mask === '' ? values : [...values, mask], attributes);
    const { root } = match;
    return builder.node('Reshape', [exchanged(builder, y, q), root.inputs[1]!], Object.fromEntries(root.attributes));
  },
};
