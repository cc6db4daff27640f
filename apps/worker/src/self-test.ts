/** The self-test that travels with an artifact: real inputs, and the outputs that this runtime gives. */
import type { SelfTest } from '@verge/contracts';
import { pick, sampleSize, type Samples } from '@verge/data';
import type { Tensor } from '@verge/onnx';
import { openSession } from '@verge/runtime';

const CASES = 8;

type SelfTestTensor = SelfTest['cases'][number]['inputs'][number];

function stored(name: string, tensor: Tensor): SelfTestTensor {
  const { data } = tensor;
  if (!ArrayBuffer.isView(data)) throw new Error(`'${name}': strings cannot be part of a self-test`);
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return {
    name,
    dtype: tensor.dtype as SelfTestTensor['dtype'],
    dims: [...tensor.dims],
    data: bytes.toString('base64'),
  };
}

/**
 * @param samples cases are spread evenly over them
 * @param int8 whether the model computes in int8: kernels of other CPUs round differently there, so outputs may differ by a
 *   step of quantisation, and the class is what counts
 */
export async function buildSelfTest(model: Uint8Array, samples: Samples, int8: boolean): Promise<SelfTest> {
  const session = await openSession(model);
  try {
    const input = session.inputs[0];
    if (!input) throw new Error('the model has no input');
    const count = Math.min(CASES, samples.y.length);
    const cases: SelfTest['cases'] = [];
    let largest = 0;
    for (let i = 0; i < count; i++) {
      const one = pick(samples, [Math.floor((i * samples.y.length) / count)]);
      const x = one.x instanceof Float32Array ? one.x : Float32Array.from(one.x);
      if (x.length !== sampleSize(samples)) throw new Error('a sample is not of the shape it should be');
      const feed: Tensor = { dtype: 'float32', dims: [1, ...samples.shape], data: x };
      const outputs = await session.run({ [input.name]: feed });
      for (const value of Object.values(outputs))
        if (value.dtype === 'float32') for (const v of value.data) largest = Math.max(largest, Math.abs(v));
      cases.push({
        inputs: [stored(input.name, feed)],
        outputs: Object.entries(outputs).map(([name, t]) => stored(name, t)),
      });
    }
    // Relative to the largest output: float kernels differ in the order of sums, int8 ones by quantisation steps.
    return {
      schema: 'verge.self-test/1',
      cases,
      absoluteTolerance: largest * (int8 ? 0.15 : 1e-3),
      minSameClass: int8 ? 0.75 : 1,
    };
  } finally {
    await session.release();
  }
}
