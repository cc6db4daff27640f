import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { brotliCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../builder.js';
import { encodeModel } from '../codec/model.js';
import { int } from '../attributes.js';
import { float32, type Tensor } from '../tensor.js';
import { mutants } from './test-mutants.js';
import { pack, PackError, packedHead, unpack, unpackPieces } from './index.js';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Whole numbers from 0 to 2^32 - 1, the same in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
}

/** A model whose one weight is `w`. */
function modelOf(w: Tensor): Uint8Array {
  const g = new GraphBuilder();
  g.input('x', 'float32', [1]);
  g.initializer('w', w);
  const cast = g.node('Cast', ['w'], { to: int(1) });
  g.output(g.node('Mul', ['x', cast]), 'float32', null);
  return encodeModel(g.build());
}

const noise = (length: number, seed = 3): Uint8Array => {
  const next = numbers(seed);
  return Uint8Array.from({ length }, () => next() >>> 24);
};

async function expectSame(bytes: Uint8Array, base?: Uint8Array): Promise<number> {
  const packed = await pack(bytes, { base });
  const back = await unpack(packed, { base });
  expect(sha256(back)).toBe(sha256(bytes));
  expect(packedHead(packed)).toEqual({
    bytes: bytes.length,
    sha256: sha256(bytes),
    base: base ? { bytes: base.length, sha256: sha256(base) } : null,
  });
  return packed.length;
}

describe('pack and unpack', () => {
  it('give back any bytes, with and without a base', async () => {
    const some = fc.oneof(
      fc.uint8Array({ maxLength: 500 }),
      fc.array(fc.constantFrom(0, 0, 0, 7), { maxLength: 3000 }).map((list) => Uint8Array.from(list)),
    );
    await fc.assert(
      fc.asyncProperty(some, some, async (bytes, base) => {
        await expectSame(bytes);
        await expectSame(bytes, base);
        await expectSame(Uint8Array.from([...bytes, ...base, 1, ...bytes]), Uint8Array.from([9, ...base, ...bytes]));
      }),
      { numRuns: 25 },
    );
  });

  it('give back models of any element type, sparse and dense, and their changes', async () => {
    const element = fc.constantFrom<Tensor['dtype']>('uint8', 'int8', 'uint4', 'float32', 'int64', 'float16', 'int32');
    const widths: Record<string, number> = { uint4: 0.5, float32: 4, int64: 8, float16: 2, int32: 4 };
    const model = fc.record({
      dtype: element,
      count: fc.integer({ min: 1, max: 900 }),
      /** Of 16 bytes so many are not 0. */
      filled: fc.integer({ min: 0, max: 16 }),
      seed: fc.nat(),
    });
    const build = ({
      dtype,
      count,
      filled,
      seed,
    }: {
      dtype: string;
      count: number;
      filled: number;
      seed: number;
    }): Uint8Array => {
      const next = numbers(seed);
      const width = widths[dtype] ?? 1;
      const raw = Uint8Array.from({ length: Math.ceil(count * width) }, () =>
        next() >>> 28 < filled ? next() >>> 24 : 0,
      );
      if (dtype === 'uint4' && count % 2 === 1) raw[raw.length - 1]! &= 15;
      const { buffer } = raw;
      const held: Record<string, () => Tensor['data']> = {
        float32: () => new Float32Array(buffer),
        int64: () => new BigInt64Array(buffer),
        int32: () => new Int32Array(buffer),
        float16: () => new Uint16Array(buffer),
        int8: () => new Int8Array(buffer),
      };
      return modelOf({ dtype, dims: [count], data: held[dtype]?.() ?? raw } as Tensor);
    };
    await fc.assert(
      fc.asyncProperty(model, fc.nat(), async (one, seed) => {
        await expectSame(build(one));
        await expectSame(build(one), build({ ...one, seed }));
      }),
      { numRuns: 25 },
    );
  });

  it('cut what is longer than a part, between elements', async () => {
    const next = numbers(5);
    const w = float32(
      [400_001],
      Float32Array.from({ length: 400_001 }, () => (next() >>> 30 === 0 ? next() / 2 ** 32 : 0)),
    );
    const bytes = modelOf(w);
    const packed = await pack(bytes);
    const sizes: number[] = [];
    for await (const piece of unpackPieces(packed)) sizes.push(piece.length);
    expect(sizes.length).toBe(2);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2 ** 20);
    expect(sha256(await unpack(packed))).toBe(sha256(bytes));
  });
});

describe('a packed model', () => {
  const next = numbers(11);
  const few = Uint8Array.from({ length: 40_000 }, () => (next() % 40 === 0 ? next() >>> 29 : 0));
  const halves = Uint8Array.from({ length: 20_000 }, (_, i) => few[2 * i]! | (few[2 * i + 1]! << 4));

  it('has sparse codes as gaps: far less than brotli makes of the file', async () => {
    const bytes = modelOf({ dtype: 'uint4', dims: [40_000], data: halves });
    const size = await expectSame(bytes);
    // 875 codes of 2.8 bits and gaps of 6.7 bits: about 1,050 bytes.
    expect(size).toBeLessThan(1400);
    expect(size).toBeLessThan(0.8 * brotliCompressSync(bytes).length);
  });

  it('has floats by significance', async () => {
    const w = float32(
      [20_000],
      Float32Array.from({ length: 20_000 }, () => (next() / 2 ** 31 - 1) / 10),
    );
    const bytes = modelOf(w);
    const size = await expectSame(bytes);
    expect(size).toBeLessThan(0.95 * brotliCompressSync(bytes).length);
  });

  it('of which little has changed is little beside its base', async () => {
    const data = Int8Array.from(noise(50_000), (v) => v);
    const changed = data.map((v) => (next() % 4 === 0 ? v + (next() % 2 === 0 ? 1 : -1) : v));
    const [before, after] = [data, changed].map((d) => modelOf({ dtype: 'int8', dims: [50_000], data: d }));
    const size = await expectSame(after!, before);
    // A quarter changes by one up or down: 1.06 bits each.
    expect(size).toBeLessThan(0.16 * after!.length);
  });
});

describe('what is no packed file', () => {
  const bytes = modelOf({ dtype: 'int8', dims: [3000], data: Int8Array.from(noise(3000), (v) => v >> 4) });

  it('is refused by name', async () => {
    await expect(unpack(bytes)).rejects.toMatchObject({ code: 'not-packed' });
    await expect(unpack(new Uint8Array(0))).rejects.toMatchObject({ code: 'not-packed' });
    const packed = await pack(bytes);
    await expect(unpack(packed.map((v, i) => (i === 3 ? 2 : v)))).rejects.toThrow(/form 2; this version knows form 1/);
    await expect(unpack(Uint8Array.from([...packed, 0]))).rejects.toThrow(/1 bytes follow its end/);
    await expect(unpack(packed, { maxBytes: 100 })).rejects.toMatchObject({ code: 'too-large' });
  });

  it('without its base, or with another one, is refused with what it needs', async () => {
    const base = noise(400);
    const packed = await pack(bytes, { base });
    await expect(unpack(packed)).rejects.toThrow(`a file of 400 bytes, sha256 ${sha256(base)}; give it as base`);
    await expect(unpack(packed, { base: noise(400, 4) })).rejects.toMatchObject({ code: 'wrong-base' });
  });

  it('is told from one in which any bit has changed, and nothing else happens', async () => {
    const base = modelOf({ dtype: 'int8', dims: [3000], data: Int8Array.from(noise(3000, 4), (v) => v >> 4) });
    for (const given of [undefined, base]) {
      const packed = await pack(bytes, { base: given });
      for (const mutant of mutants(packed, 250)) {
        const result = await unpack(mutant, { base: given }).catch((error: unknown) => error);
        if (result instanceof Uint8Array) expect(sha256(result)).toBe(sha256(bytes));
        else expect(result).toBeInstanceOf(PackError);
      }
    }
  }, 30_000);

  it('takes no memory that its bytes do not pay for', async () => {
    // A head that says 2 GiB, and then random parts.
    const random = numbers(8);
    for (let run = 0; run < 150; run++) {
      const packed = await pack(noise(40, run));
      const before = process.memoryUsage().arrayBuffers;
      // The size is the number behind the magic; five bytes of it say 2^31 - 1.
      const size = [0xff, 0xff, 0xff, 0xff, 0x07];
      const rest = noise(random() % 300, run);
      const lying = Uint8Array.from([...packed.subarray(0, 4), ...size, ...noise(32), 0, ...rest]);
      await expect(unpack(lying)).rejects.toBeInstanceOf(PackError);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40 * 2 ** 20);
    }
  });

  it('stops when asked', async () => {
    await expect(pack(bytes, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
    const packed = await pack(bytes);
    await expect(unpack(packed, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
  });
});

const folder = process.env['VERGE_DATA'];
const published = folder ? `${folder}/mlperf-tiny/ic/resnet8_cifar10_fp32.onnx` : '';
it.skipIf(!existsSync(published))('gives back a published model (VERGE_DATA)', async () => {
  const bytes = new Uint8Array(readFileSync(published));
  expect(await expectSame(bytes)).toBeLessThan(0.95 * bytes.length);
});
