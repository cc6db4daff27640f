import { expect, it } from 'vitest';
import { parseTypedNpy } from './npy-typed.js';

function file(descr: string, fortran: boolean, shape: string, data: Uint8Array): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }\n`;
  return Buffer.concat([Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, text.length, 0]), Buffer.from(text), data]);
}
const bytes = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

it('keeps every element as it was stored', () => {
  const large = BigInt64Array.of(2n ** 53n + 1n, -1n);
  expect(parseTypedNpy(file('<i8', false, '(2,)', bytes(large)), 'a')).toEqual({
    dtype: 'int64',
    dims: [2],
    data: large,
  });
  const doubles = Float64Array.of(0.1, 1e300);
  expect(parseTypedNpy(file('<f8', false, '(2, 1)', bytes(doubles)), 'a').data).toEqual(doubles);
  expect(parseTypedNpy(file('|b1', false, '()', Uint8Array.of(1)), 'a')).toEqual({
    dtype: 'bool',
    dims: [],
    data: Uint8Array.of(1),
  });
});

it('turns byte order and column-major order round', () => {
  const big = Uint8Array.of(0, 0, 1, 2, 0xff, 0xff, 0xff, 0xfe);
  expect(parseTypedNpy(file('>i4', false, '(2,)', big), 'a').data).toEqual(Int32Array.of(258, -2));
  // [[1, 2, 3], [4, 5, 6]] by columns.
  const columns = Int16Array.of(1, 4, 2, 5, 3, 6);
  expect(parseTypedNpy(file('<i2', true, '(2, 3)', bytes(columns)), 'a').data).toEqual(Int16Array.of(1, 2, 3, 4, 5, 6));
});

it('reads text', () => {
  const codes = Uint32Array.from(['a', 'b', '\0', '\u{1F600}', '\0', '\0'], (c) => c.codePointAt(0)!);
  expect(parseTypedNpy(file('<U3', false, '(2,)', bytes(codes)), 'a')).toEqual({
    dtype: 'string',
    dims: [2],
    data: ['ab', '\u{1F600}'],
  });
});

it('refuses pickles and arrays that end early', () => {
  expect(() => parseTypedNpy(file('|O', false, '(1,)', new Uint8Array(8)), 'a')).toThrow(/type '\|O'/);
  expect(() => parseTypedNpy(file('<f4', false, '(3,)', new Uint8Array(8)), 'a')).toThrow(/8 bytes of data.* 12/);
});
