/** Rows of operators on sequences and optional values. */
import { attrInt } from '../attributes.js';
import type { Dim } from '../ir.js';
import { sumDim, type Shape } from './dims.js';
import { dtypeAttribute } from './elementwise.js';
import { typeFact, type Fact, type NodeFacts, type Row } from './facts.js';
import { MOST_ELEMENTS } from './numbers.js';
import { joinTypes, optionalType, sequenceType, tensorType, type Inferred } from './types.js';

function sequenceOf(items: readonly Inferred[]): Fact {
  const element = items.reduce(joinTypes, items[0] ?? null);
  return typeFact(element && sequenceType(element), { items });
}

/** A position in a sequence of `length` elements, or null where it is not known. */
function position(f: NodeFacts, input: number, length: number, most: number): number | null {
  const at = f.scalar(input);
  if (typeof at !== 'number') return null;
  if (!(at >= -length && at <= most)) f.fail(`position ${at} is outside of a sequence of ${length}`);
  return at < 0 ? at + length : at;
}

export const sequenceEmpty: Row = (f) => [
  typeFact(sequenceType(tensorType(dtypeAttribute(f, 'dtype', 'float32'), null)), { items: [] }),
];

export const sequenceConstruct: Row = (f) => {
  const inputs = Array.from({ length: f.inputCount }, (_, i) => i);
  f.sameDtype(inputs);
  return [sequenceOf(inputs.map((i) => f.type(i)))];
};

export const sequenceAt: Row = (f) => {
  const { items } = f.fact(0);
  const at = items && position(f, 1, items.length, items.length - 1);
  return [at === null ? f.element(0) : (items?.[at] ?? null)];
};

export const sequenceErase: Row = (f) => {
  const { items, type } = f.fact(0);
  if (!items) return [type];
  const at = f.has(1) ? position(f, 1, items.length, items.length - 1) : items.length - 1;
  if (at === null) return [type];
  return [typeFact(type, { items: items.filter((_, i) => i !== at) })];
};

export const sequenceInsert: Row = (f) => {
  const { items, type } = f.fact(0);
  const [added, element] = [f.type(1), f.element(0)];
  const [a, b] = [added?.kind === 'tensor' ? added.dtype : null, element?.kind === 'tensor' ? element.dtype : null];
  if (a && b && a !== b) f.fail(`a tensor of ${a} in a sequence of ${b}`);
  if (items) {
    const at = f.has(2) ? position(f, 2, items.length, items.length) : items.length;
    if (at !== null) return [sequenceOf([...items.slice(0, at), added, ...items.slice(at)])];
  }
  const joined = joinTypes(element, added);
  return [joined ? sequenceType(joined) : type];
};

export const sequenceLength: Row = (f) => {
  const { items } = f.fact(0);
  return [typeFact(tensorType('int64', []), { elements: items && [items.length] })];
};

/** SplitToSequence: parts of one size, of given sizes, or of size 1 whose axis may be dropped. */
export const splitToSequence: Row = (f) => {
  const [x, dtype] = [f.shape(0), f.dtype(0)];
  if (!x) return [sequenceType(tensorType(dtype, null))];
  const axis = f.axis(attrInt(f.node, 'axis', 0), x.length);
  const keep = f.has(1) || attrInt(f.node, 'keepdims', 1) === 1;
  const part = (size: Dim): Inferred =>
    tensorType(
      dtype,
      x.flatMap((d, i) => (i !== axis ? [d] : keep ? [size] : [])),
    );
  const sizes = partSizes(f, x[axis]!);
  return [sizes && sizes.length > 0 ? sequenceOf(sizes.map(part)) : sequenceType(part(f.has(1) ? null : 1)!)];
};

function partSizes(f: NodeFacts, size: Dim): Shape | null {
  if (f.has(1) && f.shape(1)?.length === 1) {
    const given = f.elements(1);
    const total = given && sumDim(given);
    if (typeof total === 'number' && typeof size === 'number' && total !== size) {
      f.fail(`the parts amount to ${total}, the axis has ${size}`);
    }
    return given;
  }
  const each = f.has(1) ? f.scalar(1) : 1;
  if (typeof each !== 'number' || typeof size !== 'number' || each < 1) return null;
  const count = Math.ceil(size / each);
  if (count > MOST_ELEMENTS) return null;
  return Array.from({ length: count }, (_, i) => Math.min(each, size - i * each));
}

/** The shapes of the elements of a sequence: all of them where its length is known, else what covers them. */
function elementShapes(f: NodeFacts): readonly (Shape | null)[] {
  const shapeOf = (type: Inferred): Shape | null => (type?.kind === 'tensor' ? type.shape : null);
  return f.fact(0).items?.map(shapeOf) ?? [shapeOf(f.element(0))];
}

export const concatFromSequence: Row = (f) => {
  const element = f.element(0);
  const dtype = element?.kind === 'tensor' ? element.dtype : null;
  const shapes = elementShapes(f);
  const known = shapes.filter((s) => s !== null);
  const [first] = known;
  if (!first) return [tensorType(dtype, null)];
  const stack = attrInt(f.node, 'new_axis', 0) === 1;
  const axis = f.axis(attrInt(f.node, 'axis'), first.length + (stack ? 1 : 0));
  const length = f.fact(0).items?.length ?? null;
  const out = first.map((_, i): Dim => {
    if (!stack && i === axis) return length === null ? null : sumDim(shapes.map((s) => s?.[i] ?? null));
    return f.sameDim(
      known.map((s) => s[i] ?? null),
      i,
    );
  });
  for (const s of known) if (s.length !== first.length) f.fail(`ranks ${first.length} and ${s.length} differ`);
  return [tensorType(dtype, stack ? [...out.slice(0, axis), length, ...out.slice(axis)] : out)];
};

/** Optional: of the given value, or empty and of the given type. */
export const optional: Row = (f) => {
  const attribute = f.node.attributes.get('type');
  const type = f.has(0) ? f.type(0) : attribute?.kind === 'type' ? attribute.value : null;
  return [type && optionalType(type)];
};

/** OptionalGetElement: since 18 a value that is not optional passes through. */
export const optionalGetElement: Row = (f) => {
  const { type, items } = f.fact(0);
  return [typeFact(type?.kind === 'optional' ? type.element : type, { items })];
};

export const optionalHasElement: Row = (f) => {
  const type = f.type(0);
  let has: Dim = null;
  if (!f.has(0)) has = 0;
  else if (type && type.kind !== 'optional' && type.kind !== 'unspecified') has = 1;
  return [typeFact(tensorType('bool', []), { elements: has === null ? null : [has] })];
};
