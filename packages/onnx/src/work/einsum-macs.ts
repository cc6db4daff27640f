/** Multiply-accumulates of Einsum. */
import { attrString } from '../attributes.js';
import type { Node } from '../ir.js';
import type { Shapes } from './bytes.js';

/** Labels of the dimensions of one operand; those under an ellipsis count from the right: `...0` is the last of them. */
function labelsOf(term: string, rank: number): string[] {
  const [before = '', after = ''] = term.split('...');
  if (!term.includes('...')) return [...term];
  const hidden = rank - before.length - after.length;
  return [...before, ...Array.from({ length: Math.max(0, hidden) }, (_, i) => `...${hidden - 1 - i}`), ...after];
}

/**
 * Operands are taken in from the left, as ONNX Runtime does; what appears in one operand alone and not in the result is
 * summed first. Each step costs the product of the sizes of all its labels, and nothing where it sums none of them up: then
 * it is an element-wise product.
 */
export function einsumMacs(node: Node, shape: Shapes): number | null {
  const [left = '', right] = attrString(node, 'equation').replace(/\s/g, '').split('->');
  const terms = left.split(',');
  const sizes = new Map<string, number>();
  const operands: Set<string>[] = [];
  for (const [i, term] of terms.entries()) {
    const dims = shape(node.inputs[i]);
    if (!dims) return null;
    const labels = labelsOf(term, dims.length);
    if (labels.length !== dims.length) return null;
    // Of the sizes under an ellipsis those of 1 are broadcast.
    labels.forEach((label, at) => sizes.set(label, Math.max(sizes.get(label) ?? 1, dims[at]!)));
    if (dims.includes(0)) return 0;
    operands.push(new Set(labels));
  }
  const letters = [...left.replace(/[.,]/g, '')];
  const implicit = [...sizes.keys()].filter((l) => l.startsWith('...') || letters.filter((c) => c === l).length === 1);
  const hidden = [...sizes.keys()].filter((l) => l.startsWith('...'));
  const output = new Set(
    right === undefined ? implicit : [...right.replace('...', ''), ...(right.includes('...') ? hidden : [])],
  );
  let macs = 0;
  let taken: Set<string> | null = null;
  for (const [i, operand] of operands.entries()) {
    const later = new Set([...output, ...operands.slice(i + 1).flatMap((o) => [...o])]);
    const own = new Set([...operand].filter((l) => later.has(l) || (taken?.has(l) ?? false)));
    if (!taken) {
      taken = own;
      continue;
    }
    const met: Set<string> = new Set([...taken, ...own]);
    const kept: Set<string> = new Set([...met].filter((l) => later.has(l)));
    if (kept.size < met.size) macs += [...met].reduce((product, l) => product * sizes.get(l)!, 1);
    taken = kept;
  }
  return macs;
}
