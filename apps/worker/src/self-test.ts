/** The self-test that travels with an artifact: real inputs, and the outputs that this runtime gives. */
import { arithmeticOf, type Arithmetic } from '@verge/compression';
import type { SelfTest } from '@verge/contracts';
import { pick, sampleSize, type Samples } from '@verge/data';
import { decodeModel, float16Value, type Tensor } from '@verge/onnx';
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
 *
 * Measured between an x64 with VNNI, an emulated Haswell and an emulated Cortex-A76, which computes in halves, with ONNX Runtime 1.30, at most
 * over ViT-tiny, BERT, GPT-2, LSTM with random weights and the four networks of MLPerf Tiny: float32 1.6e-6; float16 0.014, and 0.016 between
 * levels of optimisation (LLaMA), the same classes; products in blocks whose activations may be rounded 0.018, 88 % of
 * the classes; dynamic int8 0.03, 88 %.
 */
const ALLOWED: Readonly<Record<Arithmetic, { share: number; sameClass: number }>> = {
  float32: { share: 1e-3, sameClass: 1 },
  float16: { share: 0.03, sameClass: 0.875 },
  'int8-blocks': { share: 0.04, sameClass: 0.75 },
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
        if (value.dtype === 'float32' || value.dtype === 'float16')
          for (const v of value.data)
            largest = Math.max(largest, Math.abs(value.dtype === 'float16' ? float16Value(v) : v));
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
