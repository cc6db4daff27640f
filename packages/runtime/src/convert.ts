/**
 * Verge tensors to ONNX Runtime's and back, without copying the elements.
 *
 * float16 is held as bit patterns (Uint16Array) on our side; ONNX Runtime uses Float16Array where the engine has one,
 * so the same buffer is viewed the other way.
 */
import type { DataType, Tensor, TensorData } from '@verge/onnx';
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { RuntimeError } from './errors.js';
import type { Ort } from './ort.js';

/** The element types that the JavaScript binding of ONNX Runtime 1.30 carries and that are not packed. */
const carried = {
  float32: true,
  float64: true,
  float16: true,
  int8: true,
  uint8: true,
  int16: true,
  uint16: true,
  int32: true,
  uint32: true,
  int64: true,
  uint64: true,
  bool: true,
  string: true,
} as const satisfies Partial<Record<DataType, true>>;

export type CarriedType = keyof typeof carried;

export function isCarried(type: string): type is CarriedType {
  return Object.hasOwn(carried, type);
}

/** @throws RuntimeError `unsupported-type` for element types that the binding lacks (4-bit, bfloat16, float8, complex). */
export function toOrt(ort: Ort, name: string, tensor: Tensor): OrtTensor {
  if (!isCarried(tensor.dtype)) {
    throw new RuntimeError(
      'unsupported-type',
      `'${name}' is ${tensor.dtype}, which ONNX Runtime's binding does not carry`,
    );
  }
  if (tensor.dtype === 'string') return new ort.Tensor('string', [...tensor.data], tensor.dims);
  // The constructor's overloads do not accept a union of element types; each pair below is consistent by TensorOf.
  const Construct = ort.Tensor as new (type: string, data: unknown, dims: readonly number[]) => OrtTensor;
  return new Construct(tensor.dtype, tensor.data, tensor.dims);
}

/** @throws RuntimeError `unsupported-type` when the output's element type has no counterpart. */
export function fromOrt(name: string, tensor: OrtTensor): Tensor {
  const { type, dims } = tensor;
  if (!isCarried(type)) {
    throw new RuntimeError(
      'unsupported-type',
      `output '${name}' is ${type}, which has no unpacked representation here`,
    );
  }
  const raw: unknown = tensor.data;
  const data =
    type === 'float16' && ArrayBuffer.isView(raw) && !(raw instanceof Uint16Array)
      ? new Uint16Array(raw.buffer, raw.byteOffset, raw.byteLength / 2)
      : raw;
  return { dtype: type, dims: [...dims], data: data as TensorData[CarriedType] } as Tensor;
}
