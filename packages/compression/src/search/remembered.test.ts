import { expect, it } from 'vitest';
import { float32, type Session, type Tensor } from '@verge/onnx';
import { remembered } from './remembered.js';

/** Doubles its input, and counts how often it runs. */
function doubling(): Session & { runs: number } {
  return {
    ...{ runs: 0, inputNames: ['x'], outputNames: ['y'], release: () => Promise.resolve() },
    run({ x }) {
      this.runs++;
      const { dims, data } = x as Tensor & { data: Float32Array };
      return Promise.resolve({ y: float32(dims, data.map((v) => 2 * v)) }); // prettier-ignore
    },
  };
}
const of = (...values: number[]): Record<string, Tensor> => ({
  x: float32([values.length], Float32Array.from(values)),
});

it('runs once for feeds of the same content, however they came, and again for others', async () => {
  const session = doubling();
  const kept = remembered(session);
  const first = await kept.run(of(1, 2));
  expect(await kept.run(of(1, 2))).toEqual(first);
  expect(session.runs).toBe(1);
  expect((await kept.run(of(1, 3)))['y']!.data).toEqual(Float32Array.of(2, 6));
  // The same numbers in another shape are other feeds.
  await kept.run({ x: float32([1, 2], Float32Array.of(1, 2)) });
  expect(session.runs).toBe(3);
});

it('runs each time where outputs are named, and for what goes beyond the memory', async () => {
  const session = doubling();
  const kept = remembered(session, 8);
  for (const _ of [1, 2]) await kept.run(of(1, 2), ['y']);
  expect(session.runs).toBe(2);
  for (const _ of [1, 2]) await kept.run(of(1, 2));
  expect(session.runs).toBe(3);
  for (const _ of [1, 2]) await kept.run(of(5));
  expect(session.runs).toBe(5);
});
