/** Networks with random weights for the tests of this package. */
import { Random } from '@verge/data';
import { decodeModel, encodeModel, float32, type Model, type SessionFactory, type Tensor } from '@verge/onnx';

/** Gives every float constant of one axis random values near those it has, so that normalisations are not the identity. */
export function shaken(model: Model, seed = 7): Model {
  const random = new Random(seed);
  const copy = decodeModel(encodeModel(model));
  for (const [name, stored] of copy.graph.initializers) {
    const { value } = stored;
    if (!('data' in value) || value.dtype !== 'float32' || value.dims.length !== 1) continue;
    // Variances and scales stay positive.
    copy.graph.initializers.set(name, {
      ...stored,
      value: float32(
        value.dims,
        value.data.map((v) => v + random.unit() * 0.6),
      ),
    });
  }
  return copy;
}

export function randomTensor(dims: readonly number[], seed = 1): Tensor & { dtype: 'float32' } {
  const random = new Random(seed);
  return float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.symmetric(1)),
  );
}

type Outputs = (model: Model, x: Tensor) => Promise<Float32Array>;

/** Runs a model on one input and gives its first output. */
export function outputWith(createSession: SessionFactory): Outputs {
  return async (model, x) => {
    const session = await createSession(encodeModel(model));
    try {
      const outputs = await session.run({ [session.inputNames[0]!]: x });
      return outputs[session.outputNames[0]!]!.data as Float32Array;
    } finally {
      await session.release();
    }
  };
}

export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  return a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0);
}
