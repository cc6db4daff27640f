/** Compares what this device computes with what the builder computed. */
import type { SelfTest } from '@verge/contracts';
import { bfloat16Value, elementCount, float16Value, type Tensor } from '@verge/onnx';
import { AgentError } from '../errors.js';
import { tensorFromBytes } from '../api/tensors.js';

type SelfTestTensor = SelfTest['cases'][number]['inputs'][number];

/** @throws AgentError `SELF_TEST_FAILED` when the bytes do not fit the shape */
export function selfTestTensor({ name, dtype, dims, data }: SelfTestTensor): Tensor {
  try {
    return tensorFromBytes(dtype, dims, Buffer.from(data, 'base64'));
  } catch (error) {
    throw new AgentError('SELF_TEST_FAILED', `the self-test's ${name} is unusable: ${String(error)}`, { cause: error });
  }
}

/**
 * Runs every case.
 * @param run the model that is to be tested
 * @throws AgentError `SELF_TEST_FAILED` saying which output of which case is off by how much
 */
export async function runSelfTest(
  test: SelfTest,
  run: (feeds: Record<string, Tensor>) => Promise<Record<string, Tensor>>,
): Promise<void> {
  let sameClass = 0;
  for (const [index, { inputs, outputs }] of test.cases.entries()) {
    const feeds = Object.fromEntries(inputs.map((tensor) => [tensor.name, selfTestTensor(tensor)]));
    const got = await run(feeds);
    let same = true;
    for (const wanted of outputs) {
      const actual = got[wanted.name];
      const expected = selfTestTensor(wanted);
      if (!actual) throw new AgentError('SELF_TEST_FAILED', `case ${index}: the model has no output ${wanted.name}`);
      const difference = largestDifference(actual, expected, `case ${index}, output ${wanted.name}`);
      // Written so that NaN fails.
      if (!(difference <= test.absoluteTolerance)) {
        throw new AgentError(
          'SELF_TEST_FAILED',
          `case ${index}, output ${wanted.name}: off by ${difference}, allowed is ${test.absoluteTolerance}`,
        );
      }
      same &&= argmax(actual) === argmax(expected);
    }
    if (same) sameClass++;
  }
  const share = sameClass / test.cases.length;
  if (share < test.minSameClass) {
    throw new AgentError(
      'SELF_TEST_FAILED',
      `${sameClass} of ${test.cases.length} cases have the builder's class, ${test.minSameClass} of them are asked for`,
    );
  }
}

function largestDifference(actual: Tensor, expected: Tensor, where: string): number {
  if (actual.dtype !== expected.dtype || actual.dims.join() !== expected.dims.join()) {
    const shapes = `${actual.dtype} [${actual.dims.join(', ')}] instead of ${expected.dtype} [${expected.dims.join(', ')}]`;
    throw new AgentError('SELF_TEST_FAILED', `${where}: ${shapes}`);
  }
  let largest = 0;
  const [got, wanted] = [numbersOf(actual), numbersOf(expected)];
  for (let i = 0; i < elementCount(expected.dims); i++) {
    const [a, b] = [got[i]!, wanted[i]!];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    if (typeof a === 'string' || typeof b === 'string') return NaN;
    const difference = Math.abs(Number(a) - Number(b));
    if (Number.isNaN(difference)) return NaN;
    largest = Math.max(largest, difference);
  }
  return largest;
}

/** Halves are held as bit patterns, which are not to be compared. */
function numbersOf({ dtype, data }: Tensor): ArrayLike<number | bigint | string> {
  if (dtype === 'float16') return Float32Array.from(data, float16Value);
  return dtype === 'bfloat16' ? Float32Array.from(data, bfloat16Value) : data;
}

function argmax(tensor: Tensor): number {
  const data = numbersOf(tensor);
  let best = 0;
  for (let i = 1; i < data.length; i++) if (data[i]! > data[best]!) best = i;
  return best;
}
