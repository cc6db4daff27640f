/** How much a class of channels matters: by the gradient of the loss, by its first-order effect, or by the weights alone. */
import { slice, type Samples } from '@verge/data';
import { encodeModel, type Model, type SessionFactory, type Tensor } from '@verge/onnx';
import { boundToSamples, buildGradientModel, LABELS, type PortOptions, sampleFeeds } from '@verge/training';
import { checkCancelled } from '../../errors.js';
import type { Space } from '../../graph/spaces.js';

/** `gradient`: ||dL/dw||_p. `taylor`: ||w dL/dw||_p (Molchanov et al. 2019, arXiv:1906.10771). `magnitude`: ||w||_p. */
export type Importance = 'gradient' | 'taylor' | 'magnitude';

export interface ScoreOptions {
  /** `gradient` when absent. */
  importance?: Importance;
  /** The p of the norm. */
  norm: 1 | 2;
  batches: number;
  batchSize: number;
  ports?: PortOptions;
  createSession: SessionFactory;
  signal?: AbortSignal;
  onProgress?: (fraction: number) => void;
}

/** ||g[i]||_p for each index i of `axis`. */
export function sliceNorms(data: ArrayLike<number>, dims: readonly number[], axis: number, norm: 1 | 2): Float64Array {
  const channels = dims[axis] as number;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const sums = new Float64Array(channels);
  for (let i = 0; i < data.length; i++) {
    const c = Math.floor(i / inner) % channels;
    const g = data[i] as number;
    sums[c] = (sums[c] as number) + (norm === 1 ? Math.abs(g) : g * g);
  }
  return norm === 1 ? sums : sums.map(Math.sqrt);
}

const weightsOf = (spaces: readonly Space[]): string[] => [
  ...new Set(spaces.flatMap((s) => s.slices.flatMap((slices) => slices.map(({ weight }) => weight)))),
];

/** Adds to the scores the norms of the slices of each class. */
function addNorms(
  scores: readonly Float64Array[],
  spaces: readonly Space[],
  valueOf: (weight: string) => { data: ArrayLike<number>; dims: readonly number[] },
  norm: 1 | 2,
  share: number,
): void {
  const norms = new Map<string, Float64Array>();
  const normsOf = (weight: string, axis: number): Float64Array => {
    const key = `${weight}:${axis}`;
    const value = valueOf(weight);
    const found = norms.get(key) ?? sliceNorms(value.data, value.dims, axis, norm);
    norms.set(key, found);
    return found;
  };
  spaces.forEach((space, s) => {
    const sums = scores[s] as Float64Array;
    space.slices.forEach((slices, c) => {
      for (const { weight, axis, indices } of slices)
        for (const i of indices) sums[c] = (sums[c] as number) + share * (normsOf(weight, axis)[i] as number);
    });
  });
}

/** Integers of a quantised weight stand for floats of the same sizes, but for their scale. */
function storedWeight(model: Model, weight: string): { data: ArrayLike<number>; dims: readonly number[] } {
  const value = model.graph.initializers.get(weight)?.value;
  if (!value || !('data' in value) || typeof value.data[0] === 'bigint' || value.dtype === 'string')
    throw new TypeError(`'${weight}' holds no numbers that filters can be ranked by`);
  return value as { data: Float32Array; dims: readonly number[] };
}

/**
 * The score of a class, averaged over batches of training samples (cross-entropy with their labels) and summed over the slices that
 * compute it. `magnitude` needs no samples.
 * @returns one score a class for each space
 * @throws TrainingError when the gradient is asked for and the model cannot be differentiated
 */
export async function scoreFilters(
  model: Model,
  spaces: readonly Space[],
  samples: Samples | null,
  options: ScoreOptions,
): Promise<Float64Array[]> {
  const scores = spaces.map((space) => new Float64Array(space.classes.length));
  const { importance = 'gradient' } = options;
  if (importance === 'magnitude' || !samples) {
    addNorms(scores, spaces, (weight) => storedWeight(model, weight), options.norm, 1);
    return scores;
  }
  const batch = Math.min(options.batchSize, samples.y.length);
  const batches = Math.min(options.batches, Math.floor(samples.y.length / batch));
  const bound = boundToSamples(model, samples, options.ports);
  const wrt = weightsOf(spaces);
  const gradient = buildGradientModel(bound, { loss: { kind: 'cross-entropy' }, batch, wrt });
  const session = await options.createSession(encodeModel(gradient.model), { optimization: 'extended' });
  try {
    for (let k = 0; k < batches; k++) {
      checkCancelled(options.signal);
      const part = slice(samples, k * batch, (k + 1) * batch);
      const feeds: Record<string, Tensor> = {
        ...sampleFeeds(bound, part, 0, batch),
        [LABELS]: { dtype: 'int32', dims: [batch], data: part.y },
      };
      const outputs = await session.run(feeds, [...gradient.gradients.values()]);
      const slopeOf = (weight: string): { data: Float32Array; dims: readonly number[] } =>
        outputs[gradient.gradients.get(weight) as string] as Tensor & { data: Float32Array };
      const effectOf = (weight: string): { data: Float32Array; dims: readonly number[] } => {
        const [slope, { data }] = [slopeOf(weight), storedWeight(model, weight)];
        return { dims: slope.dims, data: slope.data.map((g, i) => g * (data[i] as number)) };
      };
      addNorms(scores, spaces, importance === 'taylor' ? effectOf : slopeOf, options.norm, 1 / batches);
      options.onProgress?.((k + 1) / batches);
    }
  } finally {
    await session.release();
  }
  return scores;
}
