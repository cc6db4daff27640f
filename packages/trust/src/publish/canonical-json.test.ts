import { Metadata, Signature, Targets } from '@tufjs/models';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalize } from './index.js';
import type { CanonicalValue } from './index.js';

const text = (value: CanonicalValue) => new TextDecoder().decode(canonicalize(value));

/** Keys within the BMP and without surrogates: the ones whose order nobody disputes. */
const keys = fc.string().filter((key) => !/[\ud800-\udfff]/.test(key) && key !== '__proto__');
const { value: values } = fc.letrec<{ value: CanonicalValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger().map((n) => (n === 0 ? 0 : n)),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
  ),
}));

/** The bytes that @tufjs/models would sign for targets metadata with this value in it. */
function signedByModels(value: CanonicalValue): string {
  const targets = new Targets({
    version: 1,
    expires: '2030-01-01T00:00:00Z',
    specVersion: '1.0.31',
    unrecognizedFields: { x: value as never },
  });
  let bytes = '';
  new Metadata(targets).sign((data) => {
    bytes = data.toString('utf8');
    return new Signature({ keyID: 'k', sig: '00' });
  });
  return bytes;
}

describe('canonical JSON', () => {
  it('sorts keys, leaves out white space and escapes only quote and backslash', () => {
    expect(text({ b: [1, 'x', null], a: { d: true, c: -5 } })).toBe('{"a":{"c":-5,"d":true},"b":[1,"x",null]}');
    expect(text('a"b\\c\n\u00e9\u{1f600}')).toBe('"a\\"b\\\\c\n\u00e9\u{1f600}"');
    expect(text({})).toBe('{}');
    expect(text([])).toBe('[]');
  });

  it('agrees with an independent implementation on every value', () => {
    fc.assert(
      fc.property(values, (value) => {
        const ours = text({
          _type: 'targets',
          spec_version: '1.0.31',
          version: 1,
          expires: '2030-01-01T00:00:00Z',
          targets: {},
          x: value,
        });
        expect(ours).toBe(signedByModels(value));
      }),
      { numRuns: 300 },
    );
  });

  it('does not depend on the order in which keys were set', () => {
    fc.assert(
      fc.property(fc.dictionary(keys, values, { maxKeys: 6 }), (object) => {
        const reversed = Object.fromEntries(Object.entries(object).reverse());
        expect(text(reversed)).toBe(text(object));
      }),
      { numRuns: 100 },
    );
  });

  it('refuses what has no canonical form, and says where', () => {
    for (const [value, where] of [
      [{ a: [0, 0.5] }, '$.a[1]'],
      [{ a: 2 ** 53 }, '$.a'],
      [{ a: -0 }, '$.a'],
      [Number.NaN, '$'],
      ['\ud800', '$'],
      [{ '\u{1f600}': 1 }, '$.'],
      [{ a: undefined as never }, '$.a'],
    ] as [CanonicalValue, string][]) {
      expect(() => canonicalize(value)).toThrow(
        expect.objectContaining({ code: 'input-invalid', message: expect.stringContaining(where) }),
      );
    }
  });
});
