import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel } from '../index.js';
import { Generator } from './generate.js';
import { SCHEMA } from './schema.js';

/** A small generator of uniform numbers (mulberry32), so that every model follows from its seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('random models with every field of onnx.proto', () => {
  it('come back byte for byte', () => {
    const used = new Set<string>();
    let models = 0;
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const generator = new Generator(numbers(seed));
        const bytes = generator.model();
        expect(Buffer.compare(encodeModel(decodeModel(bytes)), bytes)).toBe(0);
        generator.used.forEach((field) => used.add(field));
        models++;
      }),
      { numRuns: 1500, seed: 11 },
    );
    const all = [...SCHEMA].flatMap(([message, fields]) => fields.map((f) => `${message}.${f.name}`));
    console.log(`${models} random models, ${used.size} of ${all.length} fields written`);
    expect(all.filter((field) => !used.has(field))).toEqual([]);
  });
});
