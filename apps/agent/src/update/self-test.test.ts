import type { SelfTest } from '@verge/contracts';
import { float16Bits, type Tensor } from '@verge/onnx';
import { expect, it } from 'vitest';
import { runSelfTest } from './self-test.js';

const halves = (values: readonly number[]): Tensor & { dtype: 'float16' } => ({
  dtype: 'float16',
  dims: [1, values.length],
  data: Uint16Array.from(values, float16Bits),
});

/** One case, without inputs, of an output of halves. */
function expecting(values: readonly number[], absoluteTolerance: number): SelfTest {
  const { dims, data } = halves(values);
  const outputs = [{ name: 'y', dtype: 'float16' as const, dims: [...dims], data: Buffer.from(data.buffer).toString('base64') }]; // prettier-ignore
  return { schema: 'verge.self-test/1', cases: [{ inputs: [], outputs }], absoluteTolerance, minSameClass: 1 };
}

it('compares halves as the numbers that they are, not as their bits', async () => {
  const given = (values: readonly number[]) => () => Promise.resolve({ y: halves(values) });
  // The patterns of these are a whole range apart, the numbers one step.
  await runSelfTest(expecting([-0.0001, 0.5], 0.001), given([0.0001, 0.5]));
  await expect(runSelfTest(expecting([-4, 0.5], 0.001), given([-4, 0.6]))).rejects.toThrow(/off by 0.1/);
  // The largest is the second, though the pattern of a negative number is a larger one.
  await expect(runSelfTest(expecting([-4, 0.5, 0.6], 0.2), given([-4, 0.6, 0.5]))).rejects.toThrow(/0 of 1 cases/);
});
