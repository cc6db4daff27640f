import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel } from '../index.js';
import { Generator } from './generate.js';
import { seeded } from './random.js';
import { SCHEMA } from './schema.js';

describe('random models with every field of onnx.proto', () => {
  it('come back byte for byte', () => {
    const used = new Set<string>();
    let models = 0;
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const generator = new Generator(seeded(seed));
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
