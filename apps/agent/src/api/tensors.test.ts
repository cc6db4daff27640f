import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '@verge/onnx';
import { AgentError } from '../errors.js';
import { parseRequest } from './request.js';
import {
  bytesElements,
  dtypeOf,
  oipName,
  tensorFromBytes,
  tensorFromJson,
  tensorToBytes,
  tensorToJson,
} from './tensors.js';

const numeric = ['FP32', 'FP64', 'INT8', 'UINT8', 'INT16', 'UINT16', 'INT32', 'UINT32', 'INT64', 'UINT64'] as const;
const sizes: Record<string, number> = {
  FP32: 4,
  FP64: 8,
  INT8: 1,
  UINT8: 1,
  INT16: 2,
  UINT16: 2,
  INT32: 4,
  UINT32: 4,
  INT64: 8,
  UINT64: 8,
};

const codeOf = (act: () => unknown): string | null => {
  try {
    act();
    return null;
  } catch (error) {
    return error instanceof AgentError ? error.code : `not coded: ${String(error)}`;
  }
};

describe('binary tensor data', () => {
  it('round-trips any bytes of any type, from any alignment', () => {
    fc.assert(
      fc.property(fc.constantFrom(...numeric), fc.uint8Array({ maxLength: 128 }), fc.nat(7), (oip, bytes, shift) => {
        const count = Math.floor(bytes.length / sizes[oip]!);
        const used = bytes.subarray(0, count * sizes[oip]!);
        const shifted = new Uint8Array(used.length + shift);
        shifted.set(used, shift);
        const tensor = tensorFromBytes(dtypeOf(oip), [count], shifted.subarray(shift));
        expect(oipName(tensor.dtype)).toBe(oip);
        expect(tensorToBytes(tensor)).toEqual(used);
      }),
    );
  });

  it('reads little-endian', () => {
    const tensor = tensorFromBytes('int32', [2], Uint8Array.from([1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]));
    expect([...(tensor.data as Int32Array)]).toEqual([1, -2]);
  });

  it('round-trips strings as BYTES', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 10 }), (strings) => {
        const tensor: Tensor = { dtype: 'string', dims: [strings.length], data: strings };
        expect(tensorFromBytes('string', [strings.length], tensorToBytes(tensor))).toEqual(tensor);
      }),
    );
  });

  it('refuses any bytes that do not fit with a coded error and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect([null, 'REQUEST_INVALID']).toContain(codeOf(() => bytesElements(bytes)));
      }),
    );
    expect(codeOf(() => tensorFromBytes('float32', [2], new Uint8Array(7)))).toBe('REQUEST_INVALID');
  });
});

describe('JSON tensors', () => {
  it('round-trips numbers, flat and nested', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: -128, max: 127 }), { minLength: 3, maxLength: 3 }), { maxLength: 5 }),
        (rows) => {
          for (const oip of ['INT8', 'INT32', 'INT64', 'FP32', 'FP64']) {
            const nested = tensorFromJson(dtypeOf(oip), [rows.length, 3], rows);
            const flat = tensorFromJson(dtypeOf(oip), [rows.length, 3], rows.flat());
            expect(nested).toEqual(flat);
            expect(tensorToJson('y', flat)).toEqual(rows.flat().map((v) => (v === 0 ? 0 : v)));
          }
        },
      ),
    );
  });

  it.each([
    ['a fraction as an integer', 'INT32', [1.5]],
    ['a number beyond the type', 'UINT8', [256]],
    ['a negative unsigned', 'UINT64', [-1]],
    ['a string as a number', 'FP32', ['1']],
    ['null', 'FP32', [null]],
    ['too few', 'FP32', []],
    ['too many', 'FP32', [1, 2]],
    ['FP16, which has no JSON form', 'FP16', [1]],
    ['no array', 'FP32', 1],
  ])('refuses %s', (_, oip, data) => {
    expect(codeOf(() => tensorFromJson(dtypeOf(oip), [1], data))).toBe('REQUEST_INVALID');
  });

  it('refuses to say in JSON what JSON cannot', () => {
    const nan: Tensor = { dtype: 'float32', dims: [1], data: Float32Array.of(NaN) };
    const big: Tensor = { dtype: 'int64', dims: [1], data: BigInt64Array.of(2n ** 60n) };
    for (const tensor of [nan, big]) expect(codeOf(() => tensorToJson('y', tensor))).toBe('REQUEST_UNSUPPORTED');
  });
});

describe('parseRequest', () => {
  const build = (header: unknown, ...blobs: Uint8Array[]): [Buffer, string] => {
    const json = Buffer.from(JSON.stringify(header));
    return [Buffer.concat([json, ...blobs]), String(json.length)];
  };
  const input = (name: string, size?: number) => ({
    name,
    shape: [1],
    datatype: 'UINT8',
    ...(size !== undefined && { parameters: { binary_data_size: size } }),
  });

  it('cuts binary tensors out of the body in the order of the inputs', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 5 }), (blobs) => {
        const inputs = blobs.map((blob, i) => input(`i${i}`, blob.length));
        const request = parseRequest(...build({ inputs }, ...blobs));
        expect(request.inputs.map((i) => new Uint8Array(i.binary!))).toEqual(blobs.map((b) => new Uint8Array(b)));
      }),
    );
  });

  it('names every bad field at once', () => {
    const [body] = build({ inputs: [{ name: '', shape: [-1], datatype: 3 }], outputs: [{ name: 1 }] });
    let message = '';
    try {
      parseRequest(body, undefined);
    } catch (error) {
      message = (error as Error).message;
    }
    for (const field of ['inputs.0.name', 'inputs.0.shape.0', 'inputs.0.datatype', 'outputs.0.name'])
      expect(message).toContain(field);
  });

  it('refuses sizes that do not fit the body', () => {
    const blob = new Uint8Array(4);
    expect(codeOf(() => parseRequest(...build({ inputs: [input('a', 5)] }, blob)))).toBe('REQUEST_INVALID');
    expect(codeOf(() => parseRequest(...build({ inputs: [input('a', 3)] }, blob)))).toBe('REQUEST_INVALID');
    expect(codeOf(() => parseRequest(...build({ inputs: [input('a', -1)] }, blob)))).toBe('REQUEST_INVALID');
    expect(codeOf(() => parseRequest(...build({ inputs: [input('a')] }, blob)))).toBe('REQUEST_INVALID');
    expect(codeOf(() => parseRequest(build({ inputs: [input('a', 4)] }, blob)[0], '99999'))).toBe('REQUEST_INVALID');
    expect(codeOf(() => parseRequest(build({ inputs: [input('a', 4)] }, blob)[0], '1e1'))).toBe('REQUEST_INVALID');
  });

  it('refuses arbitrary bytes with a coded error and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.option(fc.string(), { nil: undefined }), (bytes, header) => {
        expect([null, 'REQUEST_INVALID']).toContain(codeOf(() => parseRequest(bytes, header)));
      }),
    );
  });
});
