import { describe, expect, it } from 'vitest';
import type { Samples } from '@verge/data';
import { float16Bits, type FedInput, type OutputPort } from '@verge/onnx';
import { feedingOf, sizesOf } from './feed.js';

const samples = (...x: number[]): Samples => ({
  ...{ x: Float32Array.from(x), shape: [1], y: new Int32Array(x.length).fill(-1), labels: [], name: 'made' },
});
const port = (dtype: string, ...shape: (number | string)[]): OutputPort => ({ name: 'x', dtype, shape });
const fed = (dtype: string, ...x: number[]) =>
  feedingOf([port(dtype, 'n', 1)], samples(...x)).feeds(samples(...x), x.length)['x']!;

describe('samples as inputs', () => {
  it.each<[string, ArrayLike<number | bigint>]>([
    ['float32', Float32Array.of(0, 1, 2)],
    ['float64', Float64Array.of(0, 1, 2)],
    ['float16', Uint16Array.from([0, 1, 2], float16Bits)],
    ['uint8', Uint8Array.of(0, 1, 2)],
    ['int8', Int8Array.of(0, 1, 2)],
    ['uint16', Uint16Array.of(0, 1, 2)],
    ['int16', Int16Array.of(0, 1, 2)],
    ['uint32', Uint32Array.of(0, 1, 2)],
    ['int32', Int32Array.of(0, 1, 2)],
    ['uint64', BigUint64Array.of(0n, 1n, 2n)],
    ['int64', BigInt64Array.of(0n, 1n, 2n)],
    ['bool', Uint8Array.of(0, 1, 1)],
  ])('are %s where the model reads that', (dtype, data) => {
    expect(fed(dtype, 0, 1, 2)).toEqual({ dtype, dims: [3, 1], data });
  });

  it.each([
    ['int64', 0.5],
    ['uint8', 256],
    ['int8', -129],
    ['uint32', -1],
  ])('of %s refuse %d, which they would make another number', (dtype, value) => {
    expect(() => fed(dtype, value)).toThrow(`input 'x' is ${dtype}, the samples are not: they hold ${value}`);
  });

  it('are no text', () => {
    expect(() => fed('string', 1)).toThrow(/'x' is string, expected float32/);
  });
});

it('a benchmark is told the sizes of the samples, batches that a model insists on and numbers for all', async () => {
  const input = (name: string, ...shape: (number | string | null)[]): FedInput => ({ name, dtype: 'float32', shape });
  const made = { ...samples(1, 2), shape: [3, 4], inputs: { more: { values: new Float32Array(4), shape: [2] } } };
  const of = sizesOf(made, { fixedInputs: { rate: 16_000 } });
  expect(await of([input('x', 'n', 't', 4), input('more', 8, 2), input('rate')])).toEqual({
    shapes: { x: [1, 3, 4], more: [8, 2] },
    fill: { rate: 16_000 },
  });
  // A shape that the samples do not have is the model's own affair.
  expect(await sizesOf(made, {})([input('x', 'n', 12), input('more', 'n', 2)])).toEqual({ shapes: { more: [1, 2] } });
});
