/** Tensors of the Open Inference Protocol v2 in JSON. Numbers pass unchanged, rounded to their type, or are refused. */
import { elementCount, type Tensor } from '@verge/onnx';
import { AgentError } from '../errors.js';
import { oipName, viewOf, type CarriedType } from './tensors.js';
import { checkText } from './text.js';

function invalid(message: string): AgentError {
  return new AgentError('REQUEST_INVALID', message);
}

/** As many axes as a shape may have: data nested deeper fits none. */
const maxDepth = 16;

/** Flattens nested arrays, row-major. OIP v2: data is either flat or nested as the shape says. */
function flatten(data: readonly unknown[], into: unknown[], depth: number): void {
  if (depth > maxDepth) throw invalid(`data is nested more than ${maxDepth} deep`);
  for (const item of data) {
    if (Array.isArray(item)) flatten(item, into, depth + 1);
    else into.push(item);
  }
}

/** The elements of a JSON tensor, flat. @throws AgentError `REQUEST_INVALID` */
export function jsonElements(dims: readonly number[], data: unknown): unknown[] {
  if (!Array.isArray(data)) throw invalid('data: expected an array');
  const flat: unknown[] = [];
  flatten(data, flat, 1);
  const count = elementCount(dims);
  if (flat.length !== count)
    throw invalid(`${flat.length} elements for the shape [${dims.join(', ')}], expected ${count}`);
  return flat;
}

/** A value as an error shows it: short, and without looking into it however deep it is. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

interface Range {
  fits: (value: number) => boolean;
  expected: string;
}

const integers = (least: number, most: number): Range => ({
  fits: (value) => Number.isInteger(value) && value >= least && value <= most,
  expected: `an integer from ${least} to ${most}`,
});

/** What a number must be to pass unchanged. JSON numbers are read as FP64, so integers are exact up to 2^53 - 1. */
const ranges = {
  int8: integers(-128, 127),
  uint8: integers(0, 255),
  int16: integers(-32768, 32767),
  uint16: integers(0, 65535),
  int32: integers(-(2 ** 31), 2 ** 31 - 1),
  uint32: integers(0, 2 ** 32 - 1),
  int64: integers(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  uint64: integers(0, Number.MAX_SAFE_INTEGER),
  float32: {
    fits: (value) => Number.isFinite(Math.fround(value)),
    expected: 'a number within the range of FP32, up to 3.4028234663852886e38',
  },
  float64: { fits: Number.isFinite, expected: 'a number within the range of FP64' },
} as const satisfies Partial<Record<CarriedType, Range>>;

/** @throws AgentError `REQUEST_INVALID` for elements that the type cannot hold, instead of a silent change */
export function tensorFromJson(dtype: CarriedType, dims: readonly number[], data: unknown): Tensor {
  const flat = jsonElements(dims, data);
  const refuse = (i: number, expected: string): never => {
    throw invalid(`data[${i}] (${shown(flat[i])}): expected ${expected}`);
  };
  // The binary tensor data extension: FP16 has no JSON form.
  if (dtype === 'float16') throw invalid('FP16 has no JSON form; send it as binary tensor data');
  if (dtype === 'string') {
    flat.forEach((value, i) => {
      if (typeof value !== 'string') return refuse(i, 'a string');
      checkText(value, `data[${i}]`);
    });
    return { dtype, dims, data: flat as string[] };
  }
  if (dtype === 'bool') {
    const wrong = flat.findIndex((value) => typeof value !== 'boolean' && value !== 0 && value !== 1);
    if (wrong >= 0) refuse(wrong, 'true or false');
    return { dtype, dims, data: Uint8Array.from(flat, (value) => (value ? 1 : 0)) };
  }
  const { fits, expected } = ranges[dtype];
  flat.forEach((value, i) => {
    if (typeof value !== 'number' || !fits(value)) refuse(i, expected);
  });
  if (dtype === 'int64') return { dtype, dims, data: BigInt64Array.from(flat as number[], BigInt) };
  if (dtype === 'uint64') return { dtype, dims, data: BigUint64Array.from(flat as number[], BigInt) };
  const typed = viewOf(dtype, flat.length) as Float32Array;
  typed.set(flat as number[]);
  return { dtype, dims, data: typed } as Tensor;
}

/** @throws AgentError `REQUEST_UNSUPPORTED` for values that JSON cannot say */
export function tensorToJson(name: string, tensor: Tensor): unknown[] {
  const refuse = (why: string): never => {
    throw new AgentError('REQUEST_UNSUPPORTED', `output ${name} ${why}; ask for it with "binary_data": true`);
  };
  switch (tensor.dtype) {
    case 'string':
      return [...tensor.data];
    case 'bool':
      return Array.from(tensor.data, (v) => v !== 0);
    case 'int64':
    case 'uint64':
      return Array.from(tensor.data, (v) =>
        v >= Number.MIN_SAFE_INTEGER && v <= Number.MAX_SAFE_INTEGER ? Number(v) : refuse('has integers beyond 2^53'),
      );
    case 'float32':
    case 'float64':
      return Array.from(tensor.data, (v) => (Number.isFinite(v) ? v : refuse('has numbers that are not finite')));
    case 'int8':
    case 'uint8':
    case 'int16':
    case 'uint16':
    case 'int32':
    case 'uint32':
      return Array.from(tensor.data);
    default:
      return refuse(`is ${oipName(tensor.dtype)}, which has no JSON form`);
  }
}
