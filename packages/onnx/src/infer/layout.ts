/** Rows of operators that rearrange, select or make elements. */
import { attrInt, attrInts, attrStoredTensor } from '../attributes.js';
import type { Dim, Node } from '../ir.js';
import type { Tensor } from '../tensor.js';
import { dtypeAttribute } from './elementwise.js';
import { mapDim, productDim, sumDim, unknownShape, type Shape } from './dims.js';
import type { NodeFacts, Row } from './facts.js';
import { tensorType } from './types.js';

/** Axes as input 1 (since 13 or so) or as attribute; null when they are not known. */
function axesOf(f: NodeFacts, input = 1): readonly number[] | null {
  if (f.node.attributes.has('axes')) return attrInts(f.node, 'axes');
  return f.has(input) ? f.numbers(input) : [];
}

/** Reshape: 0 copies the input's dimension (unless allowzero), one -1 takes what is left. */
export const reshape: Row = (f) => {
  const dtype = f.dtype(0);
  const target: Shape | null = f.node.attributes.has('shape') ? attrInts(f.node, 'shape') : f.elements(1);
  if (!target) return [tensorType(dtype, unknownShape(f.shape(1)?.[0]))];
  const x = f.shape(0);
  const copy = attrInt(f.node, 'allowzero', 0) === 0;
  const dims = target.map((d, i): Dim => {
    if (d !== 0 || !copy) return d;
    if (x && i >= x.length) f.fail(`shape entry ${i} copies a dimension of an input of rank ${x.length}`);
    return x?.[i] ?? null;
  });
  const open = dims.indexOf(-1);
  const others = dims.filter((_, i) => i !== open);
  if (open >= 0) dims[open] = x ? leftOver(f, x, others) : null;
  else if (x) {
    const [before, after] = [productDim(x), productDim(dims)];
    if (typeof before === 'number' && typeof after === 'number' && before !== after) {
      f.fail(`${before} elements cannot become ${after}`);
    }
  }
  return [tensorType(dtype, dims)];
};

/** What the dimensions of `x` leave after dividing by `others`, equal symbols cancelling out. */
function leftOver(f: NodeFacts, x: Shape, others: Shape): Dim {
  const rest = [...x];
  let divisor = 1;
  for (const d of others) {
    const same = typeof d === 'string' ? rest.indexOf(d) : -1;
    if (typeof d === 'number') divisor *= d;
    else if (same >= 0) rest.splice(same, 1);
    else return null;
  }
  const open = rest.filter((d) => typeof d !== 'number');
  const known = productDim(rest.filter((d) => typeof d === 'number')) as number;
  if (open.length === 0 && divisor > 0 && known % divisor !== 0)
    f.fail(`${known} elements do not divide by ${divisor}`);
  if (divisor === 0) return open.length === 0 ? 0 : null;
  // The rest of a size that is not known is no size that has a name, unless the numbers cancel out.
  return known % divisor === 0 ? productDim([...open, known / divisor]) : null;
}

export const flatten: Row = (f) => {
  const x = f.shape(0);
  if (!x) return [tensorType(f.dtype(0), [null, null])];
  const given = attrInt(f.node, 'axis', 1);
  // The axis may lie behind the last one.
  const axis = given === x.length ? given : f.axis(given, x.length);
  return [tensorType(f.dtype(0), [productDim(x.slice(0, axis)), productDim(x.slice(axis))])];
};

export const transpose: Row = (f) => {
  const x = f.shape(0);
  if (!x) return [tensorType(f.dtype(0), null)];
  const perm = attrInts(
    f.node,
    'perm',
    x.map((_, i) => x.length - 1 - i),
  );
  if (perm.length !== x.length) f.fail(`perm [${perm}] for an input of rank ${x.length}`);
  return [
    tensorType(
      f.dtype(0),
      perm.map((p) => x[f.axis(p, x.length)]!),
    ),
  ];
};

export const squeeze: Row = (f) => {
  const x = f.shape(0);
  const given = axesOf(f);
  if (!x || !given) return [tensorType(f.dtype(0), null)];
  if (given.length === 0 && x.some((d) => typeof d !== 'number')) return [tensorType(f.dtype(0), null)];
  const axes = given.length === 0 ? x.flatMap((d, i) => (d === 1 ? [i] : [])) : given.map((a) => f.axis(a, x.length));
  for (const a of axes) if (typeof x[a] === 'number' && x[a] !== 1) f.fail(`axis ${a} has size ${x[a]}, not 1`);
  return [
    tensorType(
      f.dtype(0),
      x.filter((_, i) => !axes.includes(i)),
    ),
  ];
};

export const unsqueeze: Row = (f) => {
  const x = f.shape(0);
  const given = axesOf(f);
  if (!x || !given) return [tensorType(f.dtype(0), null)];
  const rank = x.length + given.length;
  const axes = new Set(given.map((a) => f.axis(a, rank)));
  if (axes.size !== given.length) f.fail(`axes [${given}] repeat`);
  const rest = [...x];
  return [
    tensorType(
      f.dtype(0),
      Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : rest.shift()!)),
    ),
  ];
};

export const concat: Row = (f) => {
  const shapes = Array.from({ length: f.inputCount }, (_, i) => f.shape(i));
  const dtype = f.sameDtype(shapes.map((_, i) => i));
  const known = shapes.find((s) => s !== null);
  if (!known) return [tensorType(dtype, null)];
  const axis = f.axis(attrInt(f.node, 'axis', 1), known.length);
  for (const s of shapes) if (s && s.length !== known.length) f.fail(`ranks ${known.length} and ${s.length} differ`);
  const out = known.map((_, i): Dim => {
    const dims = shapes.map((s) => s?.[i] ?? null);
    if (i === axis) return sumDim(dims);
    return f.sameDim(dims, i);
  });
  return [tensorType(dtype, out)];
};

/** Pad: amounts before all axes, then after them; those of an axis may be known without the others. */
export const pad: Row = (f) => {
  const x = f.shape(0);
  if (!x) return [tensorType(f.dtype(0), null)];
  const old = f.node.attributes.has('pads');
  const pads: Shape | null = old ? attrInts(f.node, 'pads') : f.elements(1);
  const axes = !old && f.has(3) ? f.numbers(3)?.map((a) => f.axis(a, x.length)) : x.map((_, i) => i);
  if (!pads || !axes) return [tensorType(f.dtype(0), unknownShape(x.length))];
  if (pads.length !== axes.length * 2) f.fail(`${pads.length} pads for ${axes.length} axes`);
  const out: Dim[] = [...x];
  axes.forEach((axis, i) => {
    // Pads may be negative, which a sum of sizes cannot be told from.
    const [before, after] = [pads[i]!, pads[i + axes.length]!];
    if (typeof before !== 'number' || typeof after !== 'number') out[axis] = null;
    else out[axis] = sumDim([x[axis]!, before + after]);
  });
  return [tensorType(f.dtype(0), out)];
};

export const expand: Row = (f) => {
  const target = f.elements(1);
  if (target) return [tensorType(f.dtype(0), f.broadcast([f.shape(0), target]))];
  const [x, length] = [f.shape(0), f.shape(1)?.[0]];
  const rank = x && typeof length === 'number' ? Math.max(x.length, length) : null;
  return [tensorType(f.dtype(0), unknownShape(rank))];
};

export const tile: Row = (f) => {
  const [x, repeats] = [f.shape(0), f.elements(1)];
  if (!x) return [tensorType(f.dtype(0), null)];
  if (repeats && repeats.length !== x.length) f.fail(`${repeats.length} repeats for an input of rank ${x.length}`);
  return [
    tensorType(
      f.dtype(0),
      x.map((d, i) => (repeats ? productDim([d, repeats[i]!]) : null)),
    ),
  ];
};

export const shape: Row = (f) => {
  const x = f.shape(0);
  return [tensorType('int64', [x ? shapeRange(f, x).length : null])];
};

/** The part of a shape that attributes start and end select (Shape-15), clamped. */
export function shapeRange(f: NodeFacts, x: Shape): Shape {
  return x.slice(attrInt(f.node, 'start', 0), attrInt(f.node, 'end', x.length));
}

export const size: Row = () => [tensorType('int64', [])];

export const constant: Row = (f) => {
  for (const [name, attribute] of f.node.attributes) {
    if (name === 'value' && attribute.kind === 'tensor') {
      const { dtype, dims } = attribute.value.value;
      return [tensorType(dtype, dims)];
    }
    if (attribute.kind === 'sparse') return [tensorType(attribute.value.values.value.dtype, attribute.value.dims)];
    if (attribute.kind === 'float') return [tensorType('float32', [])];
    if (attribute.kind === 'floats') return [tensorType('float32', [attribute.value.length])];
    if (attribute.kind === 'int') return [tensorType('int64', [])];
    if (attribute.kind === 'ints') return [tensorType('int64', [attribute.value.length])];
    if (attribute.kind === 'string') return [tensorType('string', [])];
    if (attribute.kind === 'strings') return [tensorType('string', [attribute.value.length])];
  }
  return [null];
};

/** The value of a Constant node that is stored as a tensor or as plain numbers. */
export function constantTensor(node: Node): Tensor | null {
  for (const a of node.attributes.values()) {
    if (a.kind === 'tensor' && !('external' in a.value.value)) return a.value.value;
    if (a.kind === 'int') return { dtype: 'int64', dims: [], data: BigInt64Array.of(a.value) };
    if (a.kind === 'ints') return { dtype: 'int64', dims: [a.value.length], data: BigInt64Array.from(a.value) };
    if (a.kind === 'float') return { dtype: 'float32', dims: [], data: Float32Array.of(a.value) };
    if (a.kind === 'floats') return { dtype: 'float32', dims: [a.value.length], data: Float32Array.from(a.value) };
  }
  return null;
}

export const constantOfShape: Row = (f) => {
  const dtype = f.node.attributes.has('value') ? attrStoredTensor(f.node, 'value').value.dtype : 'float32';
  return [tensorType(dtype, f.elements(0) ?? unknownShape(f.shape(0)?.[0]))];
};

/** RandomNormal, RandomUniform: shape and type as attributes. */
export const random: Row = (f) => [tensorType(dtypeAttribute(f, 'dtype', 'float32'), attrInts(f.node, 'shape'))];

export const range: Row = (f) => {
  const dtype = f.sameDtype([0, 1, 2]);
  const [start, limit, delta] = [f.scalar(0), f.scalar(1), f.scalar(2)];
  if (delta === 0) f.fail('the step is 0');
  let count: Dim = null;
  if (start === 0 && delta === 1 && typeof limit === 'string') count = limit;
  else if (typeof start === 'number' && typeof limit === 'number' && typeof delta === 'number') {
    count = Math.max(0, Math.ceil((limit - start) / delta));
  }
  return [tensorType(dtype, [count])];
};

export const oneHot: Row = (f) => {
  const indices = f.shape(0);
  if (!indices) return [tensorType(f.dtype(2), null)];
  const depth = mapDim(f.scalar(1), Math.trunc) ?? f.scalar(1);
  const axis = f.axis(attrInt(f.node, 'axis', -1), indices.length + 1);
  return [tensorType(f.dtype(2), [...indices.slice(0, axis), depth, ...indices.slice(axis)])];
};
