import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '@verge/onnx';
import { AgentError } from '../errors.js';
import { parseRequest } from './request.js';
import { tensorFromJson, tensorToJson } from './json-tensors.js';
import { bytesElements, dtypeOf, oipName, tensorFromBytes, tensorToBytes } from './tensors.js';

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

  it('carries BYTES unchanged or refuses them by name', () => {
    const joined = (elements: readonly Uint8Array[]): Buffer =>
      Buffer.concat(
        elements.flatMap((element) => {
          const length = Buffer.alloc(4);
          length.writeUInt32LE(element.length);
          return [length, element];
        }),
      );
    // Arbitrary bytes are nearly never text; texts, with marks and NULs in them, nearly always are.
    const text = fc.string({ unit: 'binary', maxLength: 8 }).map((s) => new Uint8Array(Buffer.from(s)));
    const mark = fc.constantFrom('\ufeffa', 'a\0b', 'é').map((s) => new Uint8Array(Buffer.from(s)));
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 6 }), text, mark), { maxLength: 4 }), (elements) => {
        const bytes = joined(elements);
        let tensor: Tensor;
        try {
          tensor = tensorFromBytes('string', [elements.length], bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'REQUEST_INVALID', message: expect.stringMatching(/^element \d/) });
          return;
        }
        expect(Buffer.compare(tensorToBytes(tensor), bytes)).toBe(0);
      }),
      { numRuns: 40 },
    );
    const refused = [
      [0xff, 0xfe, 0x00],
      [0x61, 0x00],
      [0xed, 0xa0, 0x80],
    ];
    for (const bytes of refused) {
      const act = () => tensorFromBytes('string', [2], joined([Buffer.from('fine'), Uint8Array.from(bytes)]));
      expect(act).toThrow(/^element 1 /);
    }
    expect(codeOf(() => tensorFromBytes('bool', [2], Uint8Array.of(1, 2)))).toBe('REQUEST_INVALID');
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
    ['FP32 beyond its range', 'FP32', [1e39]],
    ['FP64 beyond its range', 'FP64', [Infinity]],
    ['INT64 beyond what JSON carries exactly', 'INT64', [2 ** 53]],
    ['half a surrogate pair', 'BYTES', ['\ud800']],
    ['a text that would be cut off', 'BYTES', ['a\0b']],
    ['a number as a text', 'BYTES', [1]],
    ['an object', 'FP32', [{}]],
  ])('refuses %s', (_, oip, data) => {
    expect(codeOf(() => tensorFromJson(dtypeOf(oip), [1], data))).toBe('REQUEST_INVALID');
  });

  it('holds every number unchanged but for the rounding of its type, or refuses it', () => {
    const any = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(1e39, -1e39, 2 ** 53, -(2 ** 63), 3.5, -0));
    fc.assert(
      fc.property(fc.constantFrom(...numeric), any, (oip, value) => {
        const tensor = (() => {
          try {
            return tensorFromJson(dtypeOf(oip), [1], [value]);
          } catch (error) {
            expect(error).toMatchObject({ code: 'REQUEST_INVALID', message: expect.stringContaining('data[0]') });
            return null;
          }
        })();
        if (!tensor) return;
        const held = Number(tensor.data[0]);
        const wanted = oip === 'FP32' ? Math.fround(value) : value;
        expect(Number.isFinite(held) && held === wanted).toBe(true);
      }),
    );
  });

  it('refuses data of any depth with a coded error', () => {
    for (const depth of [17, 20_000, 200_000]) {
      const nested: unknown = JSON.parse('['.repeat(depth) + '1' + ']'.repeat(depth));
      expect(codeOf(() => tensorFromJson('float32', [1], nested))).toBe('REQUEST_INVALID');
      const deep: unknown = JSON.parse('{"a":'.repeat(depth) + '1' + '}'.repeat(depth));
      for (const type of ['float32', 'string', 'bool'] as const)
        expect(codeOf(() => tensorFromJson(type, [1], [deep]))).toBe('REQUEST_INVALID');
    }
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

  it('refuses by name what it would have to ignore', () => {
    const parameters = (from: object) => ({ parameters: from });
    const output = (from: object) => ({ inputs: [input('a', 0)], outputs: [{ name: 'y', ...parameters(from) }] });
    const shared = { shared_memory_region: 'r', shared_memory_byte_size: 4, shared_memory_offset: 0 };
    const refused: [unknown, RegExp][] = [
      [output(shared), /outputs y: parameters.shared_memory_region.*shared_memory_byte_size.*shared_memory_offset/],
      [{ inputs: [{ ...input('a'), ...parameters(shared) }] }, /inputs a: parameters.shared_memory_region/],
      [{ inputs: [input('a', 0)], ...parameters({ sequence_id: 1, priority: 2 }) }, /sequence_id.*priority/],
      [{ inputs: [input('a', 0)], ...parameters({ preprocess: 'yes', other: 1 }) }, /other.*preprocess: expected true/],
      [output({ binary_data: 1, content_type: 'np' }), /content_type.*binary_data: expected true or false/],
      [{ inputs: [input('a', 0), input('a', 0)], outputs: [{ name: 'y' }, { name: 'y' }] }, /inputs a.*outputs y/],
    ];
    for (const [header, message] of refused) expect(() => parseRequest(...build(header))).toThrow(message);
  });

  it('refuses more arrays and objects than memory has room for, and counts none within texts', () => {
    const many = 1_000_001;
    for (const text of [`[${'[],'.repeat(many)}1]`, '['.repeat(2 * many), '{"a":'.repeat(many)])
      expect(() => parseRequest(Buffer.from(text), undefined)).toThrow(/more than 1000000 arrays and objects/);
    // An escaped quote, an escape before a quote, and brackets between them; the last one ends the text.
    const text = '[{\\"\\\\'.repeat(many);
    const { inputs } = parseRequest(...build({ inputs: [{ ...input('a'), data: [text] }] }));
    expect((inputs[0]!.data as string[])[0]!.length).toBe(text.length);
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
