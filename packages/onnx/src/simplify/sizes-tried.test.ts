import { createSession } from '../conformance/executor.js';
import { describe, expect, it } from 'vitest';
import { encodeModel } from '../codec/model.js';
import { int } from '../attributes.js';
import { GraphBuilder } from '../builder.js';
import type { Dim, Model } from '../ir.js';
import { float32, int64, type Tensor } from '../tensor.js';
import { compareModels } from './compare.js';
import { drawFeeds } from './feeds.js';
import { fedInputs } from './inputs.js';
import { assignments, settleInputs, SIZES_TRIED } from './sizes-tried.js';

/** A model of one input that reads element `at` of its first axis. */
function reads(at: number, shape: Dim[]): Model {
  const b = new GraphBuilder();
  const one = b.node('Gather', [b.input('x', 'float32', shape), b.constant(int64([], [at]))], { axis: int(0) });
  b.output(b.node('Relu', [one]), 'float32', null);
  return b.build();
}

async function settled(model: Model, options: Parameters<typeof settleInputs>[2] = {}) {
  const session = await createSession(encodeModel(model));
  let runs = 0;
  const run = (feeds: Readonly<Record<string, Tensor>>): Promise<unknown> => (runs++, session.run(feeds));
  try {
    return { ...(await settleInputs(fedInputs(model), run, options)), runs };
  } finally {
    await session.release();
  }
}

describe('sizes that nobody said', () => {
  it('are the first that run, and all sizes alike come first', async () => {
    expect(await settled(reads(10, ['n']))).toMatchObject({ assumed: { n: 16 }, sizes: { n: 16 }, runs: 4 });
    expect(await settled(reads(0, [null, 3]))).toMatchObject({ assumed: { 'x[0]': 1 }, runs: 1 });
  });

  it('differ from axis to axis where they must', async () => {
    const b = new GraphBuilder();
    // One column of 8 in front of a product that wants 2 x 8.
    const x = b.input('x', 'float32', ['n', 'k', 'm']);
    const product = b.node('MatMul', [
      x,
      b.constant(
        float32(
          [8, 2],
          Float32Array.from({ length: 16 }, (_, i) => i),
        ),
      ),
    ]);
    b.output(b.node('Add', [product, b.constant(float32([224, 2], new Float32Array(448)))]), 'float32', null);
    const { assumed } = await settled(b.build());
    expect(assumed).toMatchObject({ m: 8 });
    expect([1, 224]).toContain(assumed['k']);
  });

  it('are not tried where sizes, shapes or values are given', async () => {
    const model = reads(2, ['n', 'm']);
    expect(await settled(model, { dims: { n: 3 } })).toMatchObject({
      assumed: { m: 1 },
      sizes: { n: 3, m: 1 },
      runs: 1,
    });
    const shaped = await settled(model, { shapes: { x: [5, 7] } });
    expect(shaped).toMatchObject({ assumed: {}, sizes: { n: 5, m: 7 }, runs: 1 });
    expect(shaped.feeds['x']!.dims).toEqual([5, 7]);
    const value = float32([3, 1], [1, 2, 3]);
    expect((await settled(model, { given: { x: value } })).feeds['x']).toBe(value);
  });

  it('that nothing suits end after a bounded number of tries, with the first error', async () => {
    let runs = 0;
    const inputs = [{ name: 'x', dtype: 'float32' as const, shape: ['a', 'b', 'c'] }];
    const refusing = (): Promise<never> => Promise.reject(new Error(`attempt ${++runs}`));
    await expect(settleInputs(inputs, refusing)).rejects.toMatchObject({
      code: 'no-sizes',
      message: expect.stringMatching(/none of 60 sizes tried for a, b, c .*attempt 1$/),
    });
    expect(runs).toBe(60);
    await expect(settleInputs([{ ...inputs[0]!, shape: [2] }], refusing)).rejects.toThrow('attempt 61');
  });

  it('cover every combination of two axes, and both empty', () => {
    const open = new Map(['a', 'b'].map((key) => [key, { first: key === 'a' }]));
    const all = [...assignments(open)].map(({ a, b }) => `${a},${b}`);
    expect(new Set(all).size).toBe(SIZES_TRIED.length ** 2 + 1);
    expect(all).toHaveLength(SIZES_TRIED.length ** 2 + 1);
    expect(all).toContain('0,0');
    expect(all.slice(0, 2)).toEqual(['1,1', '2,2']);
    expect(all.slice(7, 9)).toEqual(['1,2', '1,8']);
  });

  it('are never so many that memory goes: a file of a few bytes may declare anything', () => {
    const declared = [{ name: 'x', dtype: 'float32' as const, shape: [1_000_000_000, 1, 2, 2] }];
    expect(() => drawFeeds(declared)).toThrow(/4,000,000,000 elements are not drawn.*'x' \[1000000000, 1, 2, 2\]/);
    expect(() => drawFeeds([{ ...declared[0]!, shape: ['n'] }], { dims: { n: 2 ** 40 } })).toThrow(/are not drawn/);
  });

  it('name every shape that does not fit', () => {
    const inputs = [
      { name: 'x', dtype: 'float32' as const, shape: ['n', 3] },
      { name: 'y', dtype: 'float32' as const, shape: ['n'] },
    ];
    const shapes = { x: [2, 3], y: [4], z: [1] };
    expect(() => drawFeeds(inputs, { shapes })).toThrow(
      /'n' is 2, but 4 in input 'y'; there is no input 'z'.*'x', 'y'/,
    );
    expect(() => drawFeeds(inputs, { shapes: { x: [2, 4] } })).toThrow(/'x' is \[n, 3\], which \[2, 4\] does not fit/);
    // What binds a size binds it everywhere.
    expect(drawFeeds(inputs, { shapes: { x: [2, 3] } })['y']!.dims).toEqual([2]);
  });
});

it('comparing two models says which sizes it assumed, and sees a size that got into one of them', async () => {
  const make = (rows: number): Model => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['n', 2, 2]);
    const shape = b.constant(int64([2], [rows, 4]));
    const zero = b.node('ReduceMean', [x, b.constant(int64([1], [0]))], { keepdims: int(0) });
    const whole = b.node('Reshape', [x, shape]);
    b.output(b.node('Add', [whole, b.node('Reshape', [zero, b.constant(int64([1], [4]))])]), 'float32', null);
    return b.build();
  };
  const free = await compareModels(make(-1), make(-1), createSession, { runs: 2 });
  expect(free).toMatchObject({ assumed: { n: 1 }, within: true, absolute: 0 });
  // At n = 1 both agree; the second run is at another size, where [1, 4] does not go.
  await expect(compareModels(make(-1), make(1), createSession, { runs: 2 })).rejects.toThrow();
});
