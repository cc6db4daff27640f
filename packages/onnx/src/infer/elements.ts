/**
 * Elements of small integer tensors, known or symbolic: the arithmetic by which graphs compute shapes
 * (Shape -> Gather -> Concat -> Reshape and the like).
 */
import { attrInt, attrTensor } from '../attributes.js';
import type { Dim } from '../ir.js';
import type { Tensor } from '../tensor.js';
import { productDim, sumDim, type NodeFacts, type Shape } from './facts.js';
import { shapeRange } from './layout.js';
import { sliceLength } from './selection.js';

/** Longer tensors are data, not shapes. */
const MOST = 1024;

export function elementsOfTensor(tensor: Tensor): Shape | null {
  if (tensor.dtype !== 'int64' && tensor.dtype !== 'int32' && tensor.dtype !== 'bool') return null;
  return tensor.data.length <= MOST ? Array.from(tensor.data, Number) : null;
}

type Rule = (f: NodeFacts) => Shape | null;

const pass: Rule = (f) => f.elements(0);

/** Element by element over two operands, a single element serving all. */
function pairwise(combine: (a: Dim, b: Dim) => Dim): Rule {
  return (f) => {
    const [a, b] = [f.elements(0), f.elements(1)];
    if (!a || !b || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return null;
    const length = a.length === 1 ? b.length : a.length;
    return Array.from({ length }, (_, i) => combine(a[a.length === 1 ? 0 : i]!, b[b.length === 1 ? 0 : i]!));
  };
}

function numeric(f: (a: number, b: number) => number): (a: Dim, b: Dim) => Dim {
  return (a, b) => (typeof a === 'number' && typeof b === 'number' ? f(a, b) : null);
}

const gather: Rule = (f) => {
  const [from, indices] = [f.elements(0), f.numbers(1)];
  if (!from || !indices || f.shape(0)?.length !== 1 || attrInt(f.node, 'axis', 0) > 0) return null;
  return indices.map((i) => {
    const at = i < 0 ? i + from.length : i;
    if (at < 0 || at >= from.length) f.fail(`index ${i} is outside of ${from.length} elements`);
    return from[at]!;
  });
};

const concat: Rule = (f) => {
  const parts = Array.from({ length: f.inputCount }, (_, i) => (f.shape(i)?.length === 1 ? f.elements(i) : null));
  return parts.some((p) => p === null) ? null : parts.flatMap((p) => p!);
};

const slice: Rule = (f) => {
  const from = f.elements(0);
  const [start, end] = [f.numbers(1)?.[0], f.numbers(2)?.[0]];
  const step = f.has(4) ? f.numbers(4)?.[0] : 1;
  if (!from || f.shape(0)?.length !== 1 || start === undefined || end === undefined || !step) return null;
  const length = sliceLength(from.length, start, end, step);
  const low = start < 0 ? start + from.length : start;
  const first = Math.min(Math.max(low, 0), step > 0 ? from.length : from.length - 1);
  return Array.from({ length }, (_, i) => from[first + i * step] ?? null);
};

const reduce =
  (combine: (dims: Shape) => Dim): Rule =>
  (f) => {
    const from = f.elements(0);
    return from && (f.shape(0)?.length ?? 2) <= 1 ? [combine(from)] : null;
  };

const range: Rule = (f) => {
  const [start, limit, delta] = [f.numbers(0)?.[0], f.numbers(1)?.[0], f.numbers(2)?.[0]];
  if (start === undefined || limit === undefined || !delta) return null;
  const length = Math.max(0, Math.ceil((limit - start) / delta));
  return length > MOST ? null : Array.from({ length }, (_, i) => start + i * delta);
};

const constantOfShape: Rule = (f) => {
  const count = productDim(f.elements(0) ?? [null]);
  if (!f.node.attributes.has('value') || typeof count !== 'number' || count > MOST || count < 0) return null;
  const value = elementsOfTensor(attrTensor(f.node, 'value'))?.[0];
  return value === undefined ? null : new Array<Dim>(count).fill(value);
};

const where: Rule = (f) => {
  const [choose, a, b] = [f.numbers(0), f.elements(1), f.elements(2)];
  if (!choose || !a || !b) return null;
  const length = Math.max(choose.length, a.length, b.length);
  if ([choose, a, b].some((list) => list.length !== length && list.length !== 1)) return null;
  const at = <T>(list: readonly T[], i: number): T => list[list.length === 1 ? 0 : i]!;
  return Array.from({ length }, (_, i) => (at(choose, i) ? at(a, i) : at(b, i)));
};

const RULES: Readonly<Partial<Record<string, Rule>>> = {
  Shape: (f) => {
    const x = f.shape(0);
    return x && [...shapeRange(f, x)];
  },
  Size: (f) => {
    const x = f.shape(0);
    return x && [productDim(x)];
  },
  Identity: pass,
  Cast: pass,
  Squeeze: pass,
  Unsqueeze: pass,
  Reshape: pass,
  Flatten: pass,
  Gather: gather,
  Concat: concat,
  Slice: slice,
  Add: pairwise((a, b) => sumDim([a, b])),
  Sub: pairwise((a, b) => (b === 0 ? a : numeric((x, y) => x - y)(a, b))),
  Mul: pairwise((a, b) => productDim([a, b])),
  // Integer division truncates (ONNX Div).
  Div: pairwise((a, b) => (b === 1 ? a : b === 0 ? null : numeric((x, y) => Math.trunc(x / y))(a, b))),
  Min: pairwise(numeric(Math.min)),
  Max: pairwise(numeric(Math.max)),
  Equal: pairwise((a, b) => (a !== null && a === b ? 1 : numeric(() => 0)(a, b))),
  ReduceProd: reduce(productDim),
  ReduceSum: reduce(sumDim),
  Range: range,
  ConstantOfShape: constantOfShape,
  Where: where,
};

/** Elements of the only output of a node, when they follow from what is known of its inputs. */
export function inferElements(facts: NodeFacts): Shape | null {
  return RULES[facts.node.op]?.(facts) ?? null;
}
