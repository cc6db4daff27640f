/** Questions that rules ask about constants and shapes. */
import type { Dim } from '../../ir.js';
import type { Tensor } from '../../tensor.js';
import type { GraphView } from '../view.js';

type Shape = readonly Dim[];

/** Binary16 patterns of the numbers that rules look for. */
const HALF: ReadonlyMap<number, number> = new Map([
  [0, 0x0000],
  [1, 0x3c00],
]);

/** Whether every element of a numeric tensor is the number 0 or 1; false for types without such a number. */
export function everyElementIs(tensor: Tensor, value: 0 | 1): boolean {
  switch (tensor.dtype) {
    case 'float16':
      return tensor.data.every((v) => v === HALF.get(value));
    case 'float32':
    case 'float64':
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
      return tensor.data.every((v) => v === value);
    case 'int64':
    case 'uint64':
      return tensor.data.every((v) => v === BigInt(value));
    default:
      return false;
  }
}

/** The elements of a constant of int32 or int64, or null. */
export function wholeNumbers(view: GraphView, name: string | undefined): number[] | null {
  const tensor = name ? view.constant(name) : null;
  if (tensor?.dtype === 'int64') return Array.from(tensor.data, Number);
  return tensor?.dtype === 'int32' ? Array.from(tensor.data) : null;
}

/** The value of a scalar or one-element float32 constant, or null. */
export function scalarOf(view: GraphView, name: string | undefined): number | null {
  const tensor = name ? view.constant(name) : null;
  return tensor?.dtype === 'float32' && tensor.data.length === 1 ? tensor.data[0]! : null;
}

/** The number of a constant of one element that is written as a float or as an integer, as exponents are; or null. */
export function numberOf(tensor: Tensor): number | null {
  if (tensor.data.length !== 1) return null;
  const { dtype, data } = tensor;
  if (dtype === 'float32' || dtype === 'float64' || dtype === 'int32') return data[0]!;
  return dtype === 'int64' ? Number(data[0]) : null;
}

export function shapeOf(view: GraphView, name: string | undefined): Shape | null {
  const type = name ? view.type(name) : null;
  return type?.kind === 'tensor' ? type.shape : null;
}

/** Whether two shapes are known and the same; equal symbols are equal sizes. */
export function sameShape(a: Shape | null, b: Shape | null): boolean {
  return a !== null && b !== null && a.length === b.length && a.every((d, i) => d !== null && d === b[i]);
}

/**
 * The second input of a Reshape from one known shape to another: numbers, 0 where a symbol is copied from the same place,
 * -1 for at most one other. Null when that does not say it, or where a size of 0 would make -1 ambiguous.
 */
export function reshapeTo(from: Shape | null, to: Shape | null): number[] | null {
  if (!to) return null;
  const target = to.map((d, i) => {
    if (typeof d === 'number') return d === 0 ? null : d;
    return d !== null && from !== null && from[i] === d ? 0 : -1;
  });
  if (target.includes(null) || target.filter((d) => d === -1).length > 1) return null;
  return target as number[];
}
