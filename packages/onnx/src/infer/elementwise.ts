/** Rows of operators whose output follows the shape of their inputs, broadcast where there are several. */
import { attrInt } from '../attributes.js';
import { DATA_TYPES, dataTypeOf } from '../datatypes.js';
import type { DataType } from '../tensor.js';
import type { NodeFacts, Row } from './facts.js';
import { tensorType } from './types.js';

/** The type of the first input, for any kind of value. */
export const sameAsFirst: Row = (f) => [f.type(0)];

/** Softmax and its like: the type of the input, of which `axis` must be one (1 when absent before version 13). */
export const alongAxis: Row = (f) => {
  const x = f.shape(0);
  const fallback = f.opset < 13 ? Math.min(1, (x?.length ?? 1) - 1) : -1;
  // Before version 13 the axis may also lie behind the last.
  const axis = attrInt(f.node, 'axis', fallback);
  if (x && !(f.opset < 13 && axis === x.length)) f.axis(axis, x.length);
  return [f.type(0)];
};

/** One tensor of the broadcast shape of all inputs and the element type of the first that has one. */
export const broadcast: Row = (f) => {
  const inputs = Array.from({ length: f.inputCount }, (_, i) => i);
  return [tensorType(f.sameDtype(inputs), f.broadcast(inputs.map((i) => f.shape(i))))];
};

/** Pow: the exponent may be of another type. */
export const power: Row = (f) => [tensorType(f.dtype(0), f.broadcast([f.shape(0), f.shape(1)]))];

/** Comparison and logic: booleans of the broadcast shape. */
export const compare: Row = (f) => {
  f.sameDtype([0, 1]);
  return [tensorType('bool', f.broadcast([f.shape(0), f.shape(1)]))];
};

export const test: Row = (f) => [tensorType('bool', f.shape(0))];

export const where: Row = (f) => [tensorType(f.sameDtype([1, 2]), f.broadcast([f.shape(0), f.shape(1), f.shape(2)]))];

/** The element type that attribute `name` gives by number, or `fallback`. */
export function dtypeAttribute(f: NodeFacts, name: string, fallback: DataType | null): DataType | null {
  if (!f.node.attributes.has(name)) return fallback;
  const code = attrInt(f.node, name, 0);
  return code === 0 ? fallback : (dataTypeOf(code) ?? f.fail(`${name} ${code} is not an element type`));
}

export const cast: Row = (f) => [tensorType(dtypeAttribute(f, 'to', null), f.shape(0))];

/** BitCast: only to a type of the same width. */
export const bitCast: Row = (f) => {
  const [from, to] = [f.dtype(0), dtypeAttribute(f, 'to', null)];
  if (from && to && DATA_TYPES[from].bits !== DATA_TYPES[to].bits) f.fail(`${from} and ${to} differ in width`);
  return [tensorType(to, f.shape(0))];
};

export const castLike: Row = (f) => [tensorType(f.dtype(1), f.shape(0))];

export const likeFirst: Row = (f) => [tensorType(dtypeAttribute(f, 'dtype', f.dtype(0)), f.shape(0))];

export const dropout: Row = (f) => [f.type(0), tensorType('bool', f.shape(0))];

/** QuantizeLinear: output_dtype, else the type of the zero point, else uint8. */
export const quantize: Row = (f) => {
  const fromZeroPoint = f.has(2) ? f.dtype(2) : 'uint8';
  return [tensorType(dtypeAttribute(f, 'output_dtype', fromZeroPoint), f.shape(0))];
};

/** DequantizeLinear: the type of the scale. */
export const dequantize: Row = (f) => [tensorType(dtypeAttribute(f, 'output_dtype', f.dtype(1)), f.shape(0))];

export const dynamicQuantize: Row = (f) => [
  tensorType('uint8', f.shape(0)),
  tensorType('float32', []),
  tensorType('uint8', []),
];
