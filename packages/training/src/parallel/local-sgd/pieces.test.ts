import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meanOf, outerStep } from './outer.js';
import { shardIndices, subsetOf } from './shards.js';
import type { OuterSpec } from './spec.js';
import { decodeVectors, encodeVectors } from './vectors.js';

interface Case {
  readonly outer: OuterSpec;
  readonly start: number[];
  readonly rounds: { readonly shards: number[][]; readonly parameters: number[] }[];
}

const golden = JSON.parse(
  readFileSync(new URL('../../../goldens/outer.golden.json', import.meta.url), 'utf8'),
) as Case[];

describe('the outer step', () => {
  it.each(golden)("follows PyTorch's SGD in double precision, $outer", ({ outer, start, rounds }) => {
    let parameters = Float32Array.from(start);
    let velocity = new Float32Array(start.length);
    for (const round of rounds) {
      const mean = meanOf(round.shards.map((s) => Float32Array.from(s)));
      const next = outerStep(parameters, mean, velocity, outer);
      ({ parameters, velocity } = next as {
        parameters: Float32Array<ArrayBuffer>;
        velocity: Float32Array<ArrayBuffer>;
      });
      // Numbers around 1, kept as float32 between the rounds.
      parameters.forEach((v, i) => expect(Math.abs(v - round.parameters[i]!)).toBeLessThan(1e-6));
    }
  });

  it('with rate 1 and no momentum is the mean, to the bit', () => {
    const [a, b] = [Float32Array.of(0.1, -3, 7), Float32Array.of(0.3, 5, 1e-3)];
    const outer = { learningRate: 1, momentum: 0, nesterov: false };
    expect(outerStep(a, b, new Float32Array(3), outer).parameters).toEqual(b);
  });
});

describe('shards', () => {
  it('cover the samples without overlap, in parts that differ by one at most', () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 20 }),
        (seed, count, shards) => {
          const parts = Array.from({ length: shards }, (_, i) => shardIndices(seed, count, i, shards));
          expect(parts.flatMap((p) => [...p]).sort((a, b) => a - b)).toEqual(
            Array.from({ length: count }, (_, i) => i),
          );
          const sizes = parts.map((p) => p.length);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(2);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('are sample sets of their own', async () => {
    const samples = { x: Float32Array.of(0, 1, 2, 3, 4, 5), shape: [2], y: Int32Array.of(7, 8, 9) };
    const subset = subsetOf(samples, Int32Array.of(2, 0));
    expect(await subset.read(Int32Array.of(1, 0))).toMatchObject({
      x: Float32Array.of(0, 1, 4, 5),
      y: Int32Array.of(7, 9),
    });
  });
});

describe('vectors as bytes', () => {
  const vectors = fc.uniqueArray(fc.tuple(fc.string(), fc.float32Array()), {
    selector: ([name]) => name,
    maxLength: 5,
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(vectors, (entries) => {
        expect(decodeVectors(encodeVectors(new Map(entries)))).toEqual(new Map(entries));
      }),
      { numRuns: 100 },
    );
  });

  it('are refused when they are cut short, prolonged or something else', () => {
    fc.assert(
      fc.property(vectors, fc.nat(), (entries, at) => {
        const bytes = encodeVectors(new Map(entries));
        const cut = bytes.subarray(0, at % bytes.length);
        for (const wrong of [cut, Buffer.concat([bytes, Buffer.of(0)]), Buffer.from('VRGVECT1\x05\0\0\0{"a":')]) {
          expect(() => decodeVectors(wrong)).toThrow(expect.objectContaining({ code: 'bad-checkpoint' }));
        }
      }),
      { numRuns: 100 },
    );
  });
});
