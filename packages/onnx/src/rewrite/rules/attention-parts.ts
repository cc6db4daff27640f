/** Attention that an exporter wrote as products, a Softmax and moves of heads. */
import { attrInt, attrInts, ints } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import type { Dim, Node } from '../../ir.js';
import { opPattern, type Match } from '../pattern.js';
import { headsOf, type Heads } from './attention-heads.js';
import { scalarOf, shapeOf, wholeNumbers } from './constants.js';

/** The heads of the result put side by side: [batch, length, heads * size] or with the length first, or rows of that. */
export const JOINED = opPattern(
  'Reshape',
  [opPattern('Transpose', [opPattern('MatMul', [], 'seen')], 'apart')],
  'joined',
);

export interface AttentionParts {
  readonly q: Heads;
  readonly k: Heads;
  readonly v: Heads;
  readonly scale: number;
  /** What is added to the scores, [1 or batch, 1 or heads, queries, keys]; '' where nothing is. */
  readonly mask: string;
}

/** The product that a value is, behind at most one scale. */
function productOf(match: Match, name: string): { product: Node; scale: number } | null {
  const node = match.view.producer(name);
  if (!node || node.domain !== '' || !match.isPrivateValue(name)) return null;
  if (node.op === 'MatMul') return { product: node, scale: 1 };
  if (node.op !== 'Mul' && node.op !== 'Div') return null;
  const right = scalarOf(match.view, node.inputs[1]);
  const factor = right ?? (node.op === 'Mul' ? scalarOf(match.view, node.inputs[0]) : null);
  const of = node.inputs[right === null ? 1 : 0]!;
  const product = match.view.producer(of);
  if (factor === null || product?.op !== 'MatMul' || product.domain !== '' || !match.isPrivateValue(of)) return null;
  return { product, scale: node.op === 'Div' ? 1 / factor : factor };
}

const equal = (a: Dim | undefined, b: Dim | undefined): boolean => a !== null && a !== undefined && a === b;

/** Products of matrices stretch a batch of 1; the operator does not. */
function sameBatch(match: Match, values: readonly string[], heads: readonly Heads[]): boolean {
  const batches = values.map((name) => shapeOf(match.view, name)?.[0]);
  if (batches.every((d) => equal(d, batches[0]))) return true;
  const [first] = heads as readonly [Heads];
  // As many rows as what they are a product of.
  const origin = ({ source }: Heads): string => {
    const node = match.view.producer(source);
    return node && ['Gemm', 'MatMul'].includes(node.op) ? node.inputs[0]! : source;
  };
  return heads.every((h) => origin(h) === origin(first) && h.rows.join() === first.rows.join());
}

/** Whether a mask may be added by an operator that stretches its batch and its heads at most. */
function fits(mask: readonly Dim[] | null, scores: readonly Dim[] | null): boolean {
  if (mask?.length !== 4 || scores?.length !== 4) return false;
  return (
    [0, 1].every((i) => mask[i] === 1 || equal(mask[i], scores[i])) && [2, 3].every((i) => equal(mask[i], scores[i]))
  );
}

/** [batch, length, width] of a value that has the length first, and back; the value itself where it has not. */
export function exchanged(builder: GraphBuilder, value: string, { lengthFirst }: Heads): string {
  return lengthFirst ? builder.node('Transpose', [value], { perm: ints([1, 0, 2]) }) : value;
}

/** What attention a match of `JOINED` is, or why it is none. */
export function attentionOf(match: Match): AttentionParts | string {
  const { view } = match;
  const [seen, apart] = [match.node('seen'), match.node('apart')];
  const perm = attrInts(apart, 'perm', []).join();
  if (perm !== '0,2,1,3' && perm !== '2,0,1,3') return 'it is no product of heads';
  if (!match.isPrivate('seen') || !match.isPrivate('apart')) return 'the heads of the result are read elsewhere';
  const type = view.type(seen.outputs[0]!);
  if (type?.kind !== 'tensor' || type.dtype !== 'float32') return 'the result is not known to be float32';
  const softmax = view.producer(seen.inputs[0]!);
  if (softmax?.op !== 'Softmax' || softmax.domain !== '') return 'what is multiplied with the values is no Softmax';
  const axis = attrInt(softmax, 'axis', view.opset >= 13 ? -1 : 1);
  if (axis !== -1 && axis !== 3) return 'the Softmax is not over the keys';
  if (!match.isPrivateValue(softmax.outputs[0]!) || !match.isPrivateValue(softmax.inputs[0]!))
    return 'the weights or the scores are read elsewhere';
  const add = view.producer(softmax.inputs[0]!);
  const sums =
    add?.op === 'Add' && add.domain === ''
      ? [
          [0, 1],
          [1, 0],
        ].map(([s, m]) => [add.inputs[s!]!, add.inputs[m!]!])
      : [[softmax.inputs[0]!, '']];
  for (const [scores, mask] of sums as [string, string][]) {
    const found = productOf(match, scores);
    if (!found) continue;
    const [q, k, v] = [found.product.inputs[0]!, found.product.inputs[1]!, seen.inputs[1]!].map((name) =>
      headsOf(view, name),
    );
    if (!q || !k || !v || q.turned || !k.turned || v.turned) continue;
    if ([q, k, v].some((h) => h.lengthFirst !== (perm === '2,0,1,3')))
      return 'batch and length stand in different orders';
    if (q.heads !== k.heads || q.heads !== v.heads || q.size !== k.size || q.size !== v.size)
      return 'its heads are of different sizes';
    if (v.scale !== 1) return 'the values are scaled';
    const scale = found.scale * q.scale * k.scale;
    if (!(scale > 0 && scale < Infinity)) return 'the scale is no number above 0';
    const factors = [found.product.inputs[0]!, found.product.inputs[1]!, seen.inputs[1]!];
    if (!sameBatch(match, factors, [q, k, v])) return 'queries, keys and values are not known to be of one batch';
    if (mask !== '' && !fits(shapeOf(view, mask), shapeOf(view, scores)))
      return 'the mask is not known to be of the size of the scores';
    return refuseResult(match, v) ?? { q, k, v, scale, mask };
  }
  return 'what the Softmax is taken of is no scaled product of heads';
}

function refuseResult(match: Match, v: Heads): string | null {
  const root = match.root;
  const shape = shapeOf(match.view, root.outputs[0]);
  const target = wholeNumbers(match.view, root.inputs[1]);
  if (!shape || !target || (shape.length !== 2 && shape.length !== 3) || shape.at(-1) !== v.heads * v.size)
    return 'the heads are not put side by side';
  return target.at(-1) === 0 || target.indexOf(0, 2) >= 0 ? 'the shape of the result is copied' : null;
}
