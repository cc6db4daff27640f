/**
 * Elements of small tensors, known or symbolic: the arithmetic by which graphs compute shapes
 * (Shape -> Gather -> Concat -> Reshape, scales of a Resize, counts of a Loop and the like).
 */
import { attrFloat, attrInt, attrInts, attrTensor } from '../attributes.js';
import type { Dim } from '../ir.js';
import { productDim, sumDim, type Shape } from './dims.js';
import { dtypeAttribute } from './elementwise.js';
import type { NodeFacts } from './facts.js';
import { elementAt, fillGrid, gridOf } from './grid.js';
import { constantTensor, shapeRange } from './layout.js';
import { asElement, castElement, elementsOfTensor, isInteger, MOST_ELEMENTS } from './numbers.js';
import * as p from './picks.js';
import type { Rule } from './picks.js';

const pass: Rule = (f) => f.elements(0);

function numeric(f: (a: number, b: number) => number): (a: Dim, b: Dim) => Dim {
  return (a, b) => (typeof a === 'number' && typeof b === 'number' ? f(a, b) : null);
}

/** Element by element, operands broadcast against each other. */
function elementwise(combine: (operands: Shape, f: NodeFacts) => Dim): Rule {
  return (f) => {
    const grids = Array.from({ length: f.inputCount }, (_, i) => gridOf(f, i));
    if (grids.some((g) => g === null)) return null;
    const dims = f.broadcast(grids.map((g) => g!.dims)) as readonly number[];
    return fillGrid(dims, (index) =>
      combine(
        grids.map((g) => elementAt(g!, index)),
        f,
      ),
    );
  };
}

/** Arithmetic in the element type of the first operand, folded from the left where there are several. */
const arithmetic = (combine: (a: Dim, b: Dim, integer: boolean) => Dim): Rule =>
  elementwise(([first, ...rest], f) => {
    const dtype = f.dtype(0);
    return rest.reduce<Dim>((a, b) => asElement(combine(a, b, isInteger(dtype)), dtype), first ?? null);
  });

/** A symbol is the size of an axis, which is never below 0: enough where one operand is a symbol and the other negative. */
const SOME_SIZE = 0;

/** What compares two operands; of a symbol and a number below 0, the least size there is stands for all of them. */
function compared(a: Dim, b: Dim, compare: (a: number, b: number) => boolean): Dim {
  if (typeof a === 'string' && typeof b === 'number' && b < 0) return Number(compare(SOME_SIZE, b));
  if (typeof b === 'string' && typeof a === 'number' && a < 0) return Number(compare(a, SOME_SIZE));
  return numeric((x, y) => Number(compare(x, y)))(a, b);
}

const comparison = (compare: (a: number, b: number) => boolean): Rule =>
  elementwise(([a = null, b = null]) => compared(a, b, compare));

/** Floor, Ceil and Round, which leave a symbol alone: it is a whole number. */
const rounding = (apply: (a: number) => number): Rule =>
  elementwise(([a = null]) => (typeof a === 'number' ? apply(a) : a));

const unary = (apply: (a: number) => number): Rule =>
  elementwise(([a = null], f) => (typeof a === 'number' ? asElement(apply(a), f.dtype(0)) : null));

/** Integer division truncates (ONNX Div). */
const divide = (a: Dim, b: Dim, integer: boolean): Dim => {
  if (b === 1) return a;
  if (a !== null && a === b && typeof a === 'string') return 1;
  if (integer && b === 0) return null;
  return numeric((x, y) => (integer ? Math.trunc(x / y) : x / y))(a, b);
};

const subtract = (a: Dim, b: Dim): Dim => {
  if (b === 0) return a;
  return typeof a === 'string' && a === b ? 0 : numeric((x, y) => x - y)(a, b);
};

/** Mod has the sign of the divisor, unless fmod is set. */
const modulo: Rule = (f) => {
  const fmod = attrInt(f.node, 'fmod', 0) === 1;
  return elementwise(([a = null, b = null]) =>
    b === 0 ? null : numeric((x, y) => (fmod ? x % y : x - y * Math.floor(x / y)))(a, b),
  )(f);
};

/** Clip, whose bounds were attributes before opset 11; a lower bound above the upper one gives way to it. */
const clip: Rule = (f) => {
  const bound = (i: number, name: string, none: number): Dim => {
    if (f.has(i)) return f.scalar(i);
    return f.node.attributes.has(name) ? attrFloat(f.node, name) : none;
  };
  const [low, high] = [bound(1, 'min', -Infinity), bound(2, 'max', Infinity)];
  if (typeof low !== 'number' || typeof high !== 'number') return null;
  return f.elements(0)?.map((d) => (typeof d === 'number' ? Math.min(Math.max(d, low), high) : null)) ?? null;
};

/** Reductions of all elements. */
const reduce =
  (combine: (dims: Shape) => Dim): Rule =>
  (f) => {
    const [from, rank] = [f.elements(0), f.shape(0)?.length];
    const axes = f.has(1) ? f.numbers(1) : attrInts(f.node, 'axes', []);
    if (!from || rank === undefined || !axes) return null;
    if (axes.length === 0 && attrInt(f.node, 'noop_with_empty_axes', 0) === 1) return from;
    if (axes.length !== 0 && axes.length !== rank) return null;
    return [asElement(combine(from), f.dtype(0))];
  };

const extreme = (pick: (...values: number[]) => number): Rule =>
  reduce((dims) => (dims.every((d): d is number => typeof d === 'number') && dims.length ? pick(...dims) : null));

const range: Rule = (f) => {
  const [start, limit, delta] = [f.scalar(0), f.scalar(1), f.scalar(2)];
  if (typeof start !== 'number' || typeof limit !== 'number' || typeof delta !== 'number' || !delta) return null;
  const length = Math.max(0, Math.ceil((limit - start) / delta));
  if (!(length <= MOST_ELEMENTS)) return null;
  return Array.from({ length }, (_, i) => asElement(start + i * delta, f.dtype(0)));
};

const constantOfShape: Rule = (f) => {
  const count = productDim(f.elements(0) ?? [null]);
  if (typeof count !== 'number' || !(count <= MOST_ELEMENTS) || count < 0) return null;
  const value = f.node.attributes.has('value') ? elementsOfTensor(attrTensor(f.node, 'value'))?.[0] : 0;
  return value === undefined ? null : new Array<Dim>(count).fill(value);
};

const where: Rule = elementwise(([choose = null, yes = null, no = null]) => {
  if (typeof choose !== 'number') return yes === no ? yes : null;
  return choose ? yes : no;
});

const equal = (a: Dim, b: Dim): Dim => (a !== null && a === b ? 1 : compared(a, b, () => false));

const RULES: Readonly<Partial<Record<string, Rule>>> = {
  Shape: (f) => {
    const x = f.shape(0);
    return x && [...shapeRange(f, x)];
  },
  Size: (f) => {
    const x = f.shape(0);
    return x && [productDim(x)];
  },
  Constant: (f) => {
    const tensor = constantTensor(f.node);
    return tensor && elementsOfTensor(tensor);
  },
  Identity: pass,
  Dropout: pass,
  Squeeze: pass,
  Unsqueeze: pass,
  Reshape: pass,
  Flatten: pass,
  Cast: (f) => f.elements(0)?.map((d) => castElement(d, dtypeAttribute(f, 'to', null))) ?? null,
  CastLike: (f) => f.elements(0)?.map((d) => castElement(d, f.dtype(1))) ?? null,
  Gather: p.gather,
  Concat: p.concat,
  Slice: p.slice,
  Transpose: p.transpose,
  Expand: p.expand,
  Tile: p.tile,
  Add: arithmetic((a, b) => sumDim([a, b])),
  Sum: arithmetic((a, b) => sumDim([a, b])),
  Sub: arithmetic(subtract),
  Mul: arithmetic((a, b) => productDim([a, b])),
  Div: arithmetic(divide),
  Mod: modulo,
  Pow: arithmetic((a, b) => (b === 1 ? a : numeric((x, y) => x ** y)(a, b))),
  Min: arithmetic((a, b) => (a === b ? a : numeric(Math.min)(a, b))),
  Max: arithmetic((a, b) => (a === b ? a : numeric(Math.max)(a, b))),
  Neg: unary((a) => -a),
  Abs: unary(Math.abs),
  Sign: unary(Math.sign),
  Floor: rounding(Math.floor),
  Ceil: rounding(Math.ceil),
  Sqrt: unary(Math.sqrt),
  Clip: clip,
  Relu: unary((a) => Math.max(a, 0)),
  // Halves round to even (ONNX Round).
  Round: rounding((a) => (Math.abs(a % 1) === 0.5 ? 2 * Math.round(a / 2) : Math.round(a))),
  Equal: elementwise(([a = null, b = null]) => equal(a, b)),
  Less: comparison((a, b) => a < b),
  LessOrEqual: comparison((a, b) => a <= b),
  Greater: comparison((a, b) => a > b),
  GreaterOrEqual: comparison((a, b) => a >= b),
  // One operand may decide.
  And: elementwise(([a = null, b = null]) => (a === 0 || b === 0 ? 0 : numeric((x, y) => x & y)(a, b))),
  Or: elementwise(([a = null, b = null]) => (a === 1 || b === 1 ? 1 : numeric((x, y) => x | y)(a, b))),
  Xor: elementwise(([a = null, b = null]) => numeric((x, y) => x ^ y)(a, b)),
  Not: elementwise(([a = null]) => (typeof a === 'number' ? 1 - a : null)),
  ReduceProd: reduce(productDim),
  ReduceSum: reduce(sumDim),
  ReduceMax: extreme(Math.max),
  ReduceMin: extreme(Math.min),
  Range: range,
  ConstantOfShape: constantOfShape,
  Where: where,
  NonZero: p.nonZero,
};

/** Elements of the outputs of a node of the default domain, when they follow from what is known of its inputs. */
export function inferElements(f: NodeFacts): readonly (Shape | null)[] | null {
  if (f.node.op === 'Split') return p.splitElements(f);
  const rule = Object.hasOwn(RULES, f.node.op) ? RULES[f.node.op] : undefined;
  return rule ? [rule(f)] : null;
}
