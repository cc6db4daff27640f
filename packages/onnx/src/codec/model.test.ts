import { describe, expect, it } from 'vitest';
import {
  decodeModel,
  encodeModel,
  float,
  float32,
  floats,
  GraphBuilder,
  int,
  int64,
  ints,
  OnnxError,
  str,
  strs,
  tensorAttr,
  type Model,
  type StoredTensor,
  type Tensor,
  type ValueInfo,
} from '../index.js';

function sample(): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 3, 8, 8]);
  const w = b.constant(float32([4, 3, 3, 3], new Float32Array(108).fill(0.5)), 'w');
  const y = b.node('Conv', [x, w], { pads: ints([1, 1, 1, 1]), group: int(1), auto_pad: str('NOTSET') });
  const shape = b.node('Constant', [], { value: tensorAttr(int64([2], [0, -1])) });
  const flat = b.node('Reshape', [y, shape]);
  const [top, at] = b.node('TopK', [flat, b.constant(int64([1], [2]))], {}, 2);
  b.node('Fancy', [top!], { f: float(0.25), fs: floats([1, -2]), ss: strs(['a', 'ö']) }, 1, { domain: 'org.example' });
  b.output(top!, 'float32', ['batch', 2]);
  b.output(at!, 'int64', null);
  return b.build({ opsets: { 'org.example': 1 }, metadata: { a: '1' } });
}

const code = (f: () => unknown): string => {
  try {
    f();
  } catch (error) {
    if (error instanceof OnnxError) return error.code;
    throw error;
  }
  return 'none';
};

describe('the codec', () => {
  it('reads back what it wrote, field for field and byte for byte', () => {
    const model = sample();
    const bytes = encodeModel(model);
    const again = decodeModel(bytes);
    expect(again).toEqual(model);
    expect(encodeModel(again)).toEqual(bytes);
  });

  it('drops what is said of a value again, and refuses two that contradict', () => {
    const info = (rows: number): ValueInfo => ({
      name: 'inner',
      type: { kind: 'tensor', dtype: 'float32', shape: [rows, 2] },
    });
    const saidTwice = (again: ValueInfo): Uint8Array => {
      const model = sample();
      // Keys that differ let two entries of one name into the file, as some tools write them.
      model.graph.values = new Map([
        ['inner', info(1)],
        ['again', again],
      ]);
      return encodeModel(model);
    };
    const read = decodeModel(saidTwice(info(1)));
    expect([...read.graph.values]).toEqual([['inner', info(1)]]);
    expect(decodeModel(encodeModel(read))).toEqual(read);
    expect(code(() => decodeModel(saidTwice(info(3))))).toBe('duplicate-name');
  });

  it('keeps every element type in raw and typed fields', () => {
    const tensors: Tensor[] = [
      float32([2], [1.5, -0]),
      { dtype: 'float64', dims: [1], data: Float64Array.of(Math.PI) },
      { dtype: 'int8', dims: [3], data: Int8Array.of(-128, 0, 127) },
      { dtype: 'uint8', dims: [2], data: Uint8Array.of(0, 255) },
      { dtype: 'int16', dims: [2], data: Int16Array.of(-32768, 5) },
      { dtype: 'uint16', dims: [1], data: Uint16Array.of(65535) },
      { dtype: 'int32', dims: [2], data: Int32Array.of(-1, 2 ** 31 - 1) },
      { dtype: 'uint32', dims: [1], data: Uint32Array.of(2 ** 32 - 1) },
      int64([2], [-(2n ** 63n), 2n ** 63n - 1n]),
      { dtype: 'uint64', dims: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
      { dtype: 'bool', dims: [2], data: Uint8Array.of(0, 1) },
      { dtype: 'float16', dims: [1], data: Uint16Array.of(0x3c00) },
      { dtype: 'bfloat16', dims: [1], data: Uint16Array.of(0xbf80) },
      { dtype: 'complex64', dims: [1], data: Float32Array.of(1, -1) },
      { dtype: 'complex128', dims: [1], data: Float64Array.of(1, -1) },
      { dtype: 'float8e4m3fn', dims: [1], data: Uint8Array.of(200) },
      { dtype: 'float8e4m3fnuz', dims: [1], data: Uint8Array.of(200) },
      { dtype: 'float8e5m2', dims: [1], data: Uint8Array.of(200) },
      { dtype: 'float8e5m2fnuz', dims: [1], data: Uint8Array.of(200) },
      { dtype: 'float8e8m0', dims: [1], data: Uint8Array.of(200) },
      { dtype: 'uint4', dims: [3], data: Uint8Array.of(0x21, 0x03) },
      { dtype: 'int4', dims: [3], data: Uint8Array.of(0xf1, 0x0f) },
      { dtype: 'float4e2m1', dims: [1], data: Uint8Array.of(7) },
      { dtype: 'uint2', dims: [5], data: Uint8Array.of(0xe4, 1) },
      { dtype: 'int2', dims: [4], data: Uint8Array.of(0xe4) },
      { dtype: 'string', dims: [2], data: ['', 'zwei'] },
    ];
    const model = sample();
    for (const encoding of ['raw', 'typed'] as const) {
      model.graph.initializers = new Map(
        tensors.map((value, i): [string, StoredTensor] => [
          `t${i}`,
          { name: `t${i}`, value, ...((encoding === 'typed' || value.dtype === 'string') && { encoding: 'typed' }) },
        ]),
      );
      expect(decodeModel(encodeModel(model)).graph.initializers).toEqual(model.graph.initializers);
    }
  });

  it('keeps fields that it does not know', () => {
    const bytes = encodeModel(sample());
    const future = Uint8Array.of(...bytes, 0xc2, 0x3e, 2, 7, 7);
    expect(encodeModel(decodeModel(future))).toEqual(future);
  });

  it('refuses hostile bytes with a code', () => {
    const bytes = encodeModel(sample());
    expect(code(() => decodeModel(new Uint8Array()))).toBe('malformed');
    expect(code(() => decodeModel(bytes.subarray(0, bytes.length >> 1)))).toBe('truncated');
    expect(code(() => decodeModel(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x07)))).toBe('truncated');
    expect(code(() => decodeModel(new Uint8Array(20).fill(0xff)))).toBe('malformed');
    expect(code(() => decodeModel(bytes, { bytes: 10 }))).toBe('too-large');
    expect(code(() => decodeModel(bytes, { messages: 10 }))).toBe('too-large');
    expect(code(() => decodeModel(bytes, { depth: 2 }))).toBe('too-deep');
  });

  it('refuses tensors whose data and shape disagree', () => {
    const bad = (dims: number[]): string => {
      const model = sample();
      model.graph.initializers.set('bad', { name: 'bad', value: { dtype: 'float32', dims, data: Float32Array.of(1) } });
      return code(() => encodeModel(model));
    };
    expect(bad([2])).toBe('tensor-data');
    expect(bad([-1])).toBe('tensor-data');
    expect(bad([2 ** 40, 2 ** 40])).toBe('tensor-data');
  });
});
