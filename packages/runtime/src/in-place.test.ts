import { describe, expect, it } from 'vitest';
import { encodeModel, float32, GraphBuilder, type Tensor } from '@verge/onnx';
import { HALT, refusalOfHalt, withHalt } from './in-place.js';
import { loadOrt } from './ort.js';
import { openSession } from './session.js';

const SIZE = 2 ** 18;

/** Outputs y = -x and z = x * x of large vectors, and their sum, of one number. */
function network(): Uint8Array {
  const b = new GraphBuilder();
  b.input('x', 'float32', [SIZE]);
  b.node('Neg', ['x'], {}, 1, { outputNames: ['y'] });
  b.node('Mul', ['x', 'x'], {}, 1, { outputNames: ['z'] });
  b.node('ReduceSum', ['z'], {}, 1, { outputNames: ['sum'] });
  b.output('y', 'float32', [SIZE]);
  b.output('z', 'float32', [SIZE]);
  b.output('sum', 'float32', [1]);
  return encodeModel(b.build());
}

const vector = (value: number): Tensor => float32([SIZE], new Float32Array(SIZE).fill(value));

describe('a session with fixed places', () => {
  it('finds the binding to be one that can be halted', async () => {
    // Of ONNX Runtime 1.30. Another one copies, and this test says that it has to be looked at.
    expect(await refusalOfHalt()).toBe('Non tensor type is temporarily not supported.');
  });

  it('adds one output, before the others', async () => {
    const { InferenceSession } = await loadOrt();
    const session = await InferenceSession.create(withHalt(network()));
    expect([session.inputNames, session.outputNames]).toEqual([['x'], [HALT, 'y', 'z', 'sum']]);
    await session.release();
  });

  it('writes what was given a place there, and gives the rest', async () => {
    const session = await openSession(network(), { fixedPlaces: true });
    expect(session.outputNames).toEqual(['y', 'z', 'sum']);
    const places = { y: vector(0), z: vector(0) };
    for (const value of [3, 4]) {
      const results = await session.run({ x: vector(value) }, undefined, places);
      expect(results['y']).toBe(places.y);
      expect([places.y.data[SIZE - 1], places.z.data[0]]).toEqual([-value, value * value]);
      // Sums of up to 2^22 in float32, all of them whole.
      expect(results['sum']).toMatchObject({
        dtype: 'float32',
        dims: [1],
        data: Float32Array.of(SIZE * value * value),
      });
    }
    await session.release();
  });

  it('makes no copies of what it has written', async () => {
    const session = await openSession(network(), { fixedPlaces: true });
    const [x, places] = [vector(1), { y: vector(0), z: vector(0) }];
    await session.run({ x }, undefined, places);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 4; i++) await session.run({ x }, undefined, places);
    // Copies of four runs would be 8 MiB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
    await session.release();
  });

  it('runs as any other where no places are given, or some outputs are asked for', async () => {
    const session = await openSession(network(), { fixedPlaces: true });
    const whole = await session.run({ x: vector(2) });
    expect(Object.keys(whole)).toEqual(['y', 'z', 'sum']);
    const place = vector(0);
    const some = await session.run({ x: vector(5) }, ['z'], { z: place });
    expect([Object.keys(some), place.data[1]]).toEqual([['z'], 25]);
    await session.release();
  });

  it('says what fails in a run', async () => {
    const b = new GraphBuilder();
    const shape = b.input('shape', 'int64', [1]);
    b.node('Reshape', [b.input('x', 'float32', [4]), shape], {}, 1, { outputNames: ['y'] });
    b.output('y', 'float32', [4]);
    const session = await openSession(encodeModel(b.build()), { fixedPlaces: true });
    const feeds = {
      x: float32([4], new Float32Array(4)),
      shape: { dtype: 'int64', dims: [1], data: BigInt64Array.of(5n) } as const,
    };
    const place = float32([4], new Float32Array(4));
    await expect(session.run(feeds, undefined, { y: place })).rejects.toThrow(/Reshape/);
    await session.release();
  });
});
