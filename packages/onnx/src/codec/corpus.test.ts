import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  checkModel,
  decodeModel,
  encodeModel,
  externalLocations,
  inferShapes,
  loadExternalData,
  mergeReshapes,
  mergeTransposes,
  OnnxError,
  removeDropout,
  removeIdentity,
  rewrite,
  summarize,
} from '../index.js';
import { MADE } from './corpus-models.js';

const folder = new URL('../../corpus/', import.meta.url);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)));

/** What each hostile file must be answered with; the legality codes are those of `checkModel`. */
const HOSTILE: Record<string, string> = {
  'cycle.onnx': 'legality: cycle',
  'deep-type.onnx': 'too-deep',
  'dims-mismatch.onnx': 'tensor-data',
  'dims-negative.onnx': 'tensor-data',
  'dims-overflow.onnx': 'tensor-data',
  'duplicate-initializer.onnx': 'duplicate-name',
  'duplicate-function.onnx': 'legality: duplicate-function',
  'duplicate-value.onnx': 'legality: duplicate-value',
  'empty.onnx': 'malformed',
  'external-escape-attribute.onnx': 'legality: external-path',
  'external-escape-function.onnx': 'legality: external-path',
  'external-escape.onnx': 'legality: external-path',
  'external-offset.onnx': 'malformed',
  'function-bomb.onnx': 'too-large',
  'function-cycle.onnx': 'legality: function-cycle',
  'function-depth.onnx': 'too-deep',
  'length-bomb.onnx': 'truncated',
  'nested-groups.onnx': 'malformed',
  'nested-subgraphs.onnx': 'too-deep',
  'not-utf8.onnx': 'malformed',
  'segment-outside.onnx': 'tensor-data',
  'shape-contradiction.onnx': 'shape',
  'text.onnx': 'malformed',
  'truncated.onnx': 'truncated',
  'two-graphs.onnx': 'malformed',
  'unknown-dtype.onnx': 'unsupported',
  'varint-endless.onnx': 'malformed',
};
const SEEDS = [
  'cnn.onnx',
  'control-flow.onnx',
  'external.onnx',
  'functions.onnx',
  'nested-loops.onnx',
  'sequences.onnx',
  'typed-data.onnx',
];

/** The code of the refusal, the first legality error, or 'legal'; anything but an OnnxError fails the test. */
function verdict(bytes: Uint8Array): string {
  try {
    const model = decodeModel(bytes, { depth: 64 });
    const error = checkModel(model).find((d) => d.severity === 'error');
    encodeModel(model);
    if (!error) {
      const files = externalLocations(model).map((location) => [location, new Uint8Array(8192)] as const);
      summarize(loadExternalData(model, new Map(files)));
      inferShapes(model);
      rewrite(model, [removeIdentity, removeDropout, mergeTransposes, mergeReshapes]);
    }
    return error ? `legality: ${error.code}` : 'legal';
  } catch (error) {
    if (error instanceof OnnxError) return error.code;
    throw error;
  }
}

describe('the corpus', () => {
  it('is what this test knows', () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.onnx'));
    expect(files.sort()).toEqual([...Object.keys(HOSTILE), ...SEEDS].sort());
  });

  it.each(Object.entries(MADE))('holds %s as it is made', (name, make) => {
    expect(Buffer.compare(read(name), encodeModel(make()))).toBe(0);
  });

  it.each(Object.entries(HOSTILE))('answers %s with %s', (name, expected) => {
    expect(verdict(read(name))).toBe(expected);
  });

  it.each(SEEDS)('takes %s', (name) => {
    const bytes = read(name);
    expect(verdict(bytes)).toBe('legal');
    expect(encodeModel(decodeModel(bytes))).toEqual(bytes);
  });

  it.each(SEEDS)('answers every truncation of %s with a code', (name) => {
    const bytes = read(name);
    for (let n = 0; n < bytes.length; n++) expect(typeof verdict(bytes.subarray(0, n))).toBe('string');
  });

  it('answers mutated models with a code or a model, never anything else', () => {
    const seeds = SEEDS.map(read);
    const edit = fc.record({
      at: fc.nat(),
      kind: fc.constantFrom('flip', 'set', 'insert', 'remove', 'copy'),
      value: fc.integer({ min: 0, max: 255 }),
      length: fc.integer({ min: 1, max: 40 }),
    });
    const refused = new Set<string>();
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 6 }), (seed, edits) => {
        const bytes = [...seed];
        for (const { at, kind, value, length } of edits) {
          const i = at % (bytes.length + 1);
          if (kind === 'flip') bytes[i] = (bytes[i] ?? 0) ^ (1 << (value & 7));
          else if (kind === 'set') bytes[i] = value;
          else if (kind === 'insert') bytes.splice(i, 0, value);
          else if (kind === 'remove') bytes.splice(i, length);
          else bytes.splice(i, 0, ...bytes.slice(value, value + length));
        }
        refused.add(verdict(Uint8Array.from(bytes)));
      }),
      { numRuns: 6000, seed: 20261 },
    );
    // The mutations must reach well into the decoder and the check.
    expect(refused.size).toBeGreaterThan(6);
  });

  it('answers random bytes with a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => verdict(bytes) !== 'legal'),
      { numRuns: 3000, seed: 7 },
    );
  });

  it('refuses what a small file could blow up', () => {
    // One initializer that declares 2^31 - 1 bytes of raw data, and one with 2^40 elements in no bytes at all.
    const bomb = (body: number[]): Uint8Array => Uint8Array.of(0x3a, body.length + 2, 0x2a, body.length, ...body);
    expect(verdict(bomb([0x4a, 0xff, 0xff, 0xff, 0xff, 0x07]))).toBe('truncated');
    expect(verdict(bomb([0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0x10, 0x01]))).toBe('tensor-data');
  });
});
