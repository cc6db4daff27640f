import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkSize, rechunk } from './rechunk.js';

describe('rechunk', () => {
  it('keeps every byte in order, in chunks of one size and a last one', async () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 64 }), async (source, size) => {
        const chunks: Buffer[] = [];
        const stream = (async function* () {
          yield* source;
        })();
        for await (const chunk of rechunk(stream, size)) chunks.push(chunk);
        expect(Buffer.concat(chunks)).toEqual(Buffer.concat(source));
        expect(chunks.slice(0, -1).every((chunk) => chunk.length === size)).toBe(true);
        expect(chunks.every((chunk) => chunk.length > 0 && chunk.length <= size)).toBe(true);
      }),
    );
  });

  it('keeps chunks within the limits of the protocol', () => {
    expect([0, 1, 300_000, 5_000_000].map(chunkSize)).toEqual([1_048_576, 262_144, 300_000, 1_048_576]);
  });
});
