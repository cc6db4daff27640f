/** The self-test that travels with an artifact: real inputs, and the outputs that this runtime gives. */
import { arithmeticOf, type Arithmetic } from '@verge/compression';
import type { SelfTest } from '@verge/contracts';
import { pick, sampleSize, type Samples } from '@verge/data';
import { decodeModel, type Tensor } from '@verge/onnx';
import { openSession } from '@verge/runtime';
import { feedingOf, type FeedingOptions } from '@verge/training';

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

export interface SelfTestOptions {
  readonly ports?: FeedingOptions;
}

/**
 * What another processor may answer: `share` of the largest output apart, and the same class in how many of the cases. Float
 * kernels differ in the order of sums, those of halves in where they round; int8 ones by steps of quantisation, where the class is
 * what counts.
 */
const ALLOWED: Readonly<Record<Arithmetic, { share: number; sameClass: number }>> = {
  float32: { share: 1e-3, sameClass: 1 },
  float16: { share: 1e-2, sameClass: 0.875 },
  int8: { share: 0.15, sameClass: 0.75 },
};

/** @param samples cases are spread evenly over them */
export async function buildSelfTest(
  model: Uint8Array,
  samples: Samples,
  { ports }: SelfTestOptions,
): Promise<SelfTest> {
  const session = await openSession(model);
  try {
    const feeding = feedingOf(session.inputs, samples, ports);
    const count = Math.min(CASES, samples.y.length);
    const cases: SelfTest['cases'] = [];
    let largest = 0;
    for (let i = 0; i < count; i++) {
      const one = pick(samples, [Math.floor((i * samples.y.length) / count)]);
      if (one.x.length !== sampleSize(samples)) throw new Error('a sample is not of the shape it should be');
      const feeds = feeding.feeds(one, 1);
      const outputs = await session.run(feeds);
      for (const value of Object.values(outputs))
        if (value.dtype === 'float32') for (const v of value.data) largest = Math.max(largest, Math.abs(v));
      cases.push({
        inputs: Object.entries(feeds).map(([name, t]) => stored(name, t)),
        outputs: Object.entries(outputs).map(([name, t]) => stored(name, t)),
      });
    }
    const { share, sameClass } = ALLOWED[arithmeticOf(decodeModel(model))];
    return {
      schema: 'verge.self-test/1',
      cases,
      absoluteTolerance: largest * share,
      minSameClass: sameClass,
    };
  } finally {
    await session.release();
  }
}
