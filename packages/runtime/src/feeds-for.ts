import type { Tensor } from '@verge/onnx';
import { isCarried, type CarriedType } from './convert.js';
import { RuntimeError } from './errors.js';
import type { Port } from './loaded-session.js';

const make: Record<CarriedType, (count: number) => Tensor['data']> = {
  // Not zeros: a net of zeros takes short cuts in some kernels. A fixed sequence in [0, 1).
  float32: (n) => Float32Array.from({ length: n }, (_, i) => ((i * 40503) % 65536) / 65536),
  float64: (n) => Float64Array.from({ length: n }, (_, i) => ((i * 40503) % 65536) / 65536),
  float16: (n) => new Uint16Array(n).fill(0x3800),
  int8: (n) => new Int8Array(n),
  uint8: (n) => new Uint8Array(n),
  bool: (n) => new Uint8Array(n),
  int16: (n) => new Int16Array(n),
  uint16: (n) => new Uint16Array(n),
  int32: (n) => new Int32Array(n),
  uint32: (n) => new Uint32Array(n),
  int64: (n) => new BigInt64Array(n),
  uint64: (n) => new BigUint64Array(n),
  string: (n) => Array.from({ length: n }, () => ''),
};

/** More is not made up: 2^28 float32 are 1 GiB. A file of a few bytes may declare any size. */
const MOST_ELEMENTS = 2 ** 28;

/**
 * Floats from a fixed sequence in [0, 1), zeros for other types.
 * @throws RuntimeError `unsupported-type` for a type that the binding does not carry, `bad-feed` for more elements than
 *   are made up
 */
export function syntheticTensor(dtype: string, dims: readonly number[], name: string): Tensor {
  if (!isCarried(dtype)) throw new RuntimeError('unsupported-type', `input '${name}' is ${dtype}`);
  const count = dims.reduce((a, b) => a * b, 1);
  if (count > MOST_ELEMENTS)
    throw new RuntimeError(
      'bad-feed',
      `input '${name}' [${dims.join(', ')}] has ${count.toLocaleString('en')} elements, which are not made up`,
    );
  return { dtype, dims, data: make[dtype](count) } as Tensor;
}

/**
 * One sample for every input, as `syntheticTensor`; open dimensions are 1.
 * @throws RuntimeError `unsupported-type` when an input is no tensor that the binding carries
 */
export function syntheticFeeds(inputs: readonly Port[]): Record<string, Tensor> {
  const size = (d: number | string): number => (typeof d === 'number' && d >= 0 ? d : 1);
  return Object.fromEntries(
    inputs.map(({ name, dtype, shape }) => [name, syntheticTensor(dtype, shape.map(size), name)]),
  );
}
