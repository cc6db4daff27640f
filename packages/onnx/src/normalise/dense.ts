/** Sparse tensors as dense ones (onnx.proto, SparseTensorProto). */
import { byteLengthOf, DATA_TYPES, rawBytes, tensorOverBytes } from '../datatypes.js';
import type { SparseTensor, StoredTensor } from '../ir.js';
import { elementCount, type Tensor } from '../tensor.js';

/** A tensor of more elements stays sparse: a small file may declare a huge one. */
const MOST_ELEMENTS = 2 ** 24;

/** Row-major positions of the stored elements; null where they do not lie in the shape. */
function positionsOf(indices: Tensor, dims: readonly number[], count: number): number[] | null {
  if (indices.dtype !== 'int64') return null;
  const flat = Array.from(indices.data, Number);
  const size = elementCount(dims);
  const linear = indices.dims.length === 1;
  if (flat.length !== (linear ? count : count * dims.length)) return null;
  const found = Array.from({ length: count }, (_, i) => {
    if (linear) return flat[i]!;
    const index = flat.slice(i * dims.length, (i + 1) * dims.length);
    if (index.some((v, axis) => !(v >= 0 && v < dims[axis]!))) return -1;
    return index.reduce((at, v, axis) => at * dims[axis]! + v, 0);
  });
  return found.every((at) => at >= 0 && at < size) ? found : null;
}

/** The dense tensor of the same name; null where that is too large, or the elements are no whole bytes or lie elsewhere. */
export function denseOf({ values, indices, dims }: SparseTensor): StoredTensor | null {
  if ('external' in values.value || 'external' in indices.value || values.segment || indices.segment) return null;
  const { dtype } = values.value;
  if (dtype === 'string' || DATA_TYPES[dtype].bits < 8 || elementCount(dims) > MOST_ELEMENTS) return null;
  const count = elementCount(values.value.dims);
  const positions = positionsOf(indices.value, dims, count);
  if (!positions) return null;
  const width = DATA_TYPES[dtype].bits / 8;
  const from = rawBytes(values.value);
  const bytes = new Uint8Array(byteLengthOf(dtype, elementCount(dims)));
  positions.forEach((at, i) => bytes.set(from.subarray(i * width, (i + 1) * width), at * width));
  return { name: values.name, value: tensorOverBytes(dtype, dims, bytes) };
}
