/** Tensors as message parts: description in the header, elements as blobs. Strings travel in the description. */
import type { Tensor } from '@verge/onnx';
import { isCarried, type CarriedType } from '../convert.js';
import { RuntimeError } from '../errors.js';

export interface TensorHead {
  name: string;
  dtype: CarriedType;
  dims: readonly number[];
  strings?: readonly string[];
}

const views: Record<
  Exclude<CarriedType, 'string'>,
  (b: ArrayBuffer, offset: number, bytes: number) => ArrayBufferView
> = {
  float32: (b, o, n) => new Float32Array(b, o, n / 4),
  float64: (b, o, n) => new Float64Array(b, o, n / 8),
  float16: (b, o, n) => new Uint16Array(b, o, n / 2),
  int8: (b, o, n) => new Int8Array(b, o, n),
  uint8: (b, o, n) => new Uint8Array(b, o, n),
  bool: (b, o, n) => new Uint8Array(b, o, n),
  int16: (b, o, n) => new Int16Array(b, o, n / 2),
  uint16: (b, o, n) => new Uint16Array(b, o, n / 2),
  int32: (b, o, n) => new Int32Array(b, o, n / 4),
  uint32: (b, o, n) => new Uint32Array(b, o, n / 4),
  int64: (b, o, n) => new BigInt64Array(b, o, n / 8),
  uint64: (b, o, n) => new BigUint64Array(b, o, n / 8),
};

/** @throws RuntimeError `unsupported-type` for element types that ONNX Runtime's binding lacks. */
export function packTensors(tensors: Readonly<Record<string, Tensor>>): { heads: TensorHead[]; blobs: Uint8Array[] } {
  const heads: TensorHead[] = [];
  const blobs: Uint8Array[] = [];
  for (const [name, tensor] of Object.entries(tensors)) {
    const { dtype, dims } = tensor;
    if (!isCarried(dtype))
      throw new RuntimeError('unsupported-type', `'${name}' is ${dtype}, which ONNX Runtime's binding does not carry`);
    if (tensor.dtype === 'string') heads.push({ name, dtype, dims, strings: tensor.data });
    else {
      const { data } = tensor;
      heads.push({ name, dtype, dims });
      blobs.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  }
  return { heads, blobs };
}

/** The tensors of a message, as views on its blobs. */
export function unpackTensors(heads: readonly TensorHead[], blobs: readonly Uint8Array[]): Record<string, Tensor> {
  const out: Record<string, Tensor> = {};
  let next = 0;
  for (const { name, dtype, dims, strings } of heads) {
    if (dtype === 'string') {
      out[name] = { dtype, dims, data: strings ?? [] };
      continue;
    }
    const blob = blobs[next++] as Uint8Array;
    const data = views[dtype](blob.buffer as ArrayBuffer, blob.byteOffset, blob.byteLength);
    out[name] = { dtype, dims, data } as Tensor;
  }
  return out;
}
