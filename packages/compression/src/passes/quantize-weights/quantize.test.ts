import { assertLegal, encodeModel, float32, GraphBuilder, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { describe, expect, it } from 'vitest';
import { arithmeticOf } from '../../measure/arithmetic.js';
import { decibels, largestDifference, outputWith, randomIds, randomTensor, tokenNetwork } from '../../test-models.js';
import type { PassContext } from '../pass.js';
import { BlockQuantizer, quantizeBlock } from './block.js';
import { quantizeWeights, type QuantizeWeightsOptions } from './quantize.js';

const nothing = { x: new Float32Array(0), shape: [], y: new Int32Array(0), labels: [], name: 'nothing' };
const context: PassContext = { createSession, train: nothing, validation: nothing };
const options: QuantizeWeightsOptions = {
  ...{
    bits: 4,
    blockSize: 32,
    symmetric: false,
    scale: 'range',
    accuracyLevel: 0,
    embeddings: true,
    keep: [],
    rounding: 'nearest',
    samples: 64,
  },
};
const outputOf = outputWith(createSession);

/** Each line of [lines, length] in blocks, there and back: the ends of a block's range at the first and last of its levels. */
function thereAndBack(
  data: Float32Array,
  length: number,
  bits: number,
  size: number,
  symmetric: boolean,
): Float32Array {
  const out = new Float32Array(data.length);
  const levels = 2 ** bits - 1;
  for (let from = 0; from < data.length; from += length)
    for (let at = from; at < from + length; at += size) {
      const block = data.slice(at, Math.min(at + size, from + length));
      const [min, max] = [Math.min(0, ...block), Math.max(0, ...block)];
      const farther = Math.abs(max) > Math.abs(min) ? max : min;
      const scale = symmetric ? -farther / 2 ** (bits - 1) : (max - min) / levels;
      const zero = symmetric ? 2 ** (bits - 1) : Math.min(levels, Math.round(-min / scale));
      block.forEach((v, i) => {
        const place = Math.min(levels, Math.max(0, Math.round(v / scale + zero)));
        out[at + i] = (place - zero) * scale;
      });
    }
  return out;
}

/** A dense layer without Gemm's factors, the identity fed: out comes the matrix. */
function layer(rows: number, columns: number): { model: Model; weight: Float32Array } {
  const g = new GraphBuilder();
  const weight = randomTensor([rows, columns], 9);
  g.node('MatMul', [g.input('x', 'float32', ['n', rows]), g.initializer('w', weight)], {}, 1, {
    ...{ name: 'layer', outputNames: ['y'] },
  });
  g.output('y', 'float32', null);
  return { model: g.build({ opset: 17, irVersion: 8 }), weight: weight.data };
}

const turned = (data: Float32Array, rows: number, columns: number): Float32Array =>
  Float32Array.from({ length: data.length }, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
const identity = (n: number) =>
  float32(
    [n, n],
    Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
  );

const forms = [4, 8].flatMap((bits) => [16, 32, 64, 128, 256].flatMap((size) => [true, false].map((s) => [bits, size, s] as const))); // prettier-ignore

describe('products', () => {
  it.each(forms)(
    '%i bits in blocks of %i, symmetric %s: the matrix is what a block gives there and back',
    async (bits, size, symmetric) => {
      // The last block of each column is not full.
      const [rows, columns] = [size * 2 + 8, 24];
      const { model, weight } = layer(rows, columns);
      const made = await quantizeWeights(
        model,
        { ...options, bits: bits as 4, blockSize: size as 16, symmetric },
        context,
      );
      assertLegal(made.model);
      expect(made.changes).toEqual({ products: 1, tables: 0 });
      const expected = turned(thereAndBack(turned(weight, rows, columns), rows, bits, size, symmetric), columns, rows);
      const got = await outputOf(made.model, identity(rows));
      expect(largestDifference(expected, got)).toBeLessThan(1e-6);
      const told = Number(/layer: ([\d.]+) dB/.exec(made.notes![0]!)![1]);
      expect(told).toBeCloseTo(decibels(weight, got), 0);
    },
  );

  it('lose less with the scale of least squares than with that of the range', async () => {
    for (const bits of [4, 8] as const)
      for (const symmetric of [true, false]) {
        const told = async (scale: 'range' | 'least-squares'): Promise<number> => {
          const made = await quantizeWeights(layer(256, 64).model, { ...options, bits, symmetric, scale }, context);
          return Number(/ ([\d.]+) dB/.exec(made.notes![0]!)![1]);
        };
        // Of 8 bits there is less to gain.
        expect((await told('least-squares')) - (await told('range'))).toBeGreaterThan(bits === 4 ? 0.3 : 0.05);
      }
  });

  it.each([0, 1, 4] as const)('with accuracy level %i give nearly what the floats gave', async (accuracyLevel) => {
    const { model } = layer(256, 64);
    const made = await quantizeWeights(model, { ...options, bits: 8, accuracyLevel }, context);
    const x = randomTensor([5, 256], 3);
    expect(decibels(await outputOf(model, x), await outputOf(made.model, x))).toBeGreaterThan(35);
    expect(arithmeticOf(made.model)).toBe(accuracyLevel === 4 ? 'int8-blocks' : 'float32');
  });
});

describe('adaptive rounding', () => {
  const words = (count: number, seed: number): PassContext => {
    const x = Float32Array.from(randomIds([count, 8], 50, seed).data, Number);
    const train = { x, shape: [8], y: new Int32Array(count), labels: [], name: 'words' };
    return { createSession, train, validation: train };
  };
  const source = tokenNetwork({ width: 128 });
  const adaptive = { ...options, rounding: 'adaptive', scale: 'least-squares' } as const;

  it.each([
    [4, true],
    [4, false],
    [8, false],
  ] as const)(
    'in %i bits, symmetric %s: other ids give more like the source, in as many bytes',
    async (bits, symmetric) => {
      const ids = randomIds([64, 8], 50, 11);
      const how = { ...adaptive, bits, symmetric };
      const [nearest, adapted] = [
        await quantizeWeights(source, { ...how, rounding: 'nearest' }, context),
        await quantizeWeights(source, how, words(64, 3)),
      ];
      assertLegal(adapted.model);
      expect(adapted.changes).toMatchObject({ products: 6, tables: 1 });
      expect(adapted.changes['adaptedWeights']! + adapted.changes['adaptationsGivenUp']!).toBe(6);
      expect(adapted.changes['adaptedWeights']).toBeGreaterThan(3);
      expect(adapted.changes['outputDecibels']).toBeGreaterThan(adapted.changes['nearestDecibels']!);
      expect(encodeModel(adapted.model)).toHaveLength(encodeModel(nearest.model).length);
      const exact = await outputOf(source, ids);
      const of = async (model: Model): Promise<number> => decibels(exact, await outputOf(model, ids));
      expect(await of(adapted.model)).toBeGreaterThan((await of(nearest.model)) + 0.5);
    },
  );

  it('leaves each weight within its own block: scales are those of the nearest levels', async () => {
    // What is read has much in common, so that rounding takes much back.
    const [rows, columns, size] = [72, 24, 32];
    const { model, weight } = layer(rows, columns);
    const common = randomTensor([256, 1], 21).data;
    const x = randomTensor([256, rows], 22).data.map((v, i) => 0.3 * v + common[Math.floor(i / rows)]!);
    const train = { x, shape: [rows], y: new Int32Array(256), labels: [], name: 'rows' };
    const how = { ...adaptive, scale: 'range' as const, samples: 256 };
    const made = await quantizeWeights(model, how, { createSession, train, validation: train });
    expect(made.changes).toMatchObject({ adaptedWeights: 1 });
    const got = await outputOf(made.model, identity(rows));
    const expected = turned(thereAndBack(turned(weight, rows, columns), rows, 4, size, false), columns, rows);
    let moved = 0;
    for (let n = 0; n < columns; n++)
      for (let from = 0; from < rows; from += size) {
        const block = Array.from({ length: Math.min(size, rows - from) }, (_, i) => (from + i) * columns + n);
        const values = block.map((i) => weight[i]!);
        const step = (Math.max(0, ...values) - Math.min(0, ...values)) / 15;
        for (const i of block) {
          const levels = (got[i]! - expected[i]!) / step;
          expect(Math.abs(levels - Math.round(levels))).toBeLessThan(1e-3);
          if (Math.round(levels) !== 0) moved++;
        }
      }
    expect(moved).toBeGreaterThan(rows);
  });

  it('can be cancelled, and says how far it is without going back', async () => {
    const abort = new AbortController();
    const told: number[] = [];
    const onProgress = (fraction: number): void => {
      told.push(fraction);
      if (fraction > 0.5) abort.abort();
    };
    const running = quantizeWeights(source, adaptive, { ...words(32, 3), signal: abort.signal, onProgress });
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
    expect(told).toEqual([...told].sort((a, b) => a - b));
  });
});

describe('a network over token ids', () => {
  it.each([
    [8, 35, 0.34],
    [4, 15, 0.24],
  ] as const)('in %i bits: table, products and Gemm', async (bits, least, share) => {
    const source = tokenNetwork({ width: 128 });
    const made = await quantizeWeights(source, { ...options, bits, scale: 'least-squares', accuracyLevel: 4 }, context);
    assertLegal(made.model);
    expect(made.changes).toEqual({ products: 6, tables: 1 });
    expect(encodeModel(made.model).byteLength).toBeLessThan(share * encodeModel(source).byteLength);
    const ids = randomIds([16, 8]);
    expect(decibels(await outputOf(source, ids), await outputOf(made.model, ids))).toBeGreaterThan(least);
  });

  it.each([4, 8] as const)('looks rows up in a table of %i bits as a block gives them there and back', async (bits) => {
    const g = new GraphBuilder();
    const table = randomTensor([30, 40], 5);
    g.node('Gather', [g.initializer('table', table), g.input('ids', 'int64', ['n', 3])], {}, 1, {
      ...{ name: 'look up', outputNames: ['y'] },
    });
    g.output('y', 'float32', null);
    for (const symmetric of [true, false]) {
      const made = await quantizeWeights(
        g.build({ opset: 17 }),
        { ...options, bits, blockSize: 16, symmetric },
        context,
      );
      assertLegal(made.model);
      const rows = thereAndBack(table.data, 40, bits, 16, symmetric);
      const ids = randomIds([4, 3], 30);
      const expected = Float32Array.from({ length: 480 }, (_, i) => rows[Number(ids.data[Math.floor(i / 40)]) * 40 + (i % 40)]!); // prettier-ignore
      expect(largestDifference(expected, await outputOf(made.model, ids))).toBeLessThan(1e-6);
    }
  });

  it('says what it leaves, and why', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [1, 4, 8, 8]);
    const flat = g.node('Flatten', [g.node('Conv', [x, g.initializer('k', randomTensor([4, 4, 3, 3]))], {}, 1, { name: 'window' })]); // prettier-ignore
    const shared = g.initializer('shared', randomTensor([144, 144]));
    const a = g.node('MatMul', [flat, shared], {}, 1, { name: 'first' });
    const b = g.node('MatMul', [g.node('MatMul', [a, shared], {}, 1, { name: 'kept' }), g.initializer('s', randomTensor([144, 1]))], {}, 1, { name: 'small' }); // prettier-ignore
    g.output(b, null, null);
    const made = await quantizeWeights(g.build({ opset: 17 }), { ...options, keep: ['kept'] }, context);
    expect(made.declined.map((d) => [d.node, d.reason.slice(0, 26)])).toEqual([
      ['window', 'there is no convolution wi'],
      ['kept', 'the recipe keeps it'],
      ['small', 'its 144 weights would take'],
    ]);
    expect(made.notes).toContain("'shared' stays in floats beside its blocks, since 'kept' reads it");
    await expect(quantizeWeights(tokenNetwork(), { ...options, embeddings: false, keep: ['nothing'] }, context)).rejects.toThrow(/no node 'nothing'/); // prettier-ignore
    const products = await quantizeWeights(tokenNetwork(), { ...options, embeddings: false }, context);
    expect(products.changes).toEqual({ products: 6, tables: 0 });
    const small = new GraphBuilder();
    small.output(small.node('MatMul', [small.input('x', 'float32', [1, 4]), small.initializer('w', randomTensor([4, 4]))]), null, null); // prettier-ignore
    await expect(quantizeWeights(small.build(), options, context)).rejects.toThrow(/16 weights would take no less/);
  });
});

describe('a block', () => {
  it('that is all zeros, of one sign, or has one value far out', () => {
    const places = new Uint8Array(4);
    for (const symmetric of [true, false])
      for (const scale of ['range', 'least-squares'] as const) {
        const quantizer = new BlockQuantizer({ bits: 4, symmetric, scale }, 4);
        for (const values of [
          [0, 0, 0, 0],
          [1, 2, 3, 4],
          [-4, -3, -2, -1],
          [0.01, 0, -0.01, 100],
        ]) {
          const block = Float32Array.from(values);
          const chosen = quantizer.choose(block);
          quantizeBlock(block, chosen, 4, places);
          const back = Array.from(places, (q) => (q - chosen.zero) * chosen.scale);
          const step = Math.abs(chosen.scale);
          back.forEach((v, i) => expect(Math.abs(v - values[i]!)).toBeLessThanOrEqual(step + 1e-6));
        }
      }
  });
});
