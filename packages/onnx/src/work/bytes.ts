/** Bytes and shapes of values and stored tensors. */
import { byteLengthOf, DATA_TYPES, tensorBytes } from '../datatypes.js';
import type { StoredTensor, ValueType } from '../ir.js';
import { elementCount } from '../tensor.js';

/** The shape of a value when all its sizes are numbers, else null. */
export type Shapes = (name: string | undefined) => readonly number[] | null;

/** Bytes of a stored tensor, wherever they are kept. */
export function storedBytes({ value }: StoredTensor): number {
  if ('external' in value) return value.external.length ?? byteLengthOf(value.dtype, elementCount(value.dims));
  return tensorBytes(value);
}

/** Bytes of a value of this type; null when a size is unknown, or it is no tensor of fixed-width elements. */
export function typeBytes(type: ValueType | null | undefined): number | null {
  if (type?.kind !== 'tensor' || !type.dtype || DATA_TYPES[type.dtype].bits === 0) return null;
  const { shape } = type;
  return shape?.every((d): d is number => typeof d === 'number') ? byteLengthOf(type.dtype, elementCount(shape)) : null;
}

/** Shapes out of types. */
export function shapesOf(types: { get(name: string): ValueType | null | undefined }): Shapes {
  return (name) => {
    const type = name === undefined ? undefined : types.get(name);
    const dims = type?.kind === 'tensor' ? type.shape : null;
    return dims?.every((d): d is number => typeof d === 'number') ? dims : null;
  };
}
