/** How much a class of channels matters: by the gradient of the loss, by its first-order effect, or by the weights alone. */
import type { Samples } from '@verge/data';
import type { Model } from '@verge/onnx';
import type { Space } from '../../graph/spaces.js';
import { eachGradient, type GradientOf, type GradientOptions, type Importance } from '../../study/gradients.js';

export interface ScoreOptions extends GradientOptions {
  /**
   * `gradient` when absent: ||dL/dw||_p. `taylor`: ||w dL/dw||_p (Molchanov et al. 2019, arXiv:1906.10771). `magnitude`: ||w||_p.
   */
  importance?: Importance;
  /** The p of the norm. */
  norm: 1 | 2;
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
        for (const i of indices) sums[c] = (sums[c] as number) + (normsOf(weight, axis)[i] as number);
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
    addNorms(scores, spaces, (weight) => storedWeight(model, weight), options.norm);
    return scores;
  }
  const batches = await eachGradient(model, samples, weightsOf(spaces), options, (slopeOf) => {
    const effectOf: GradientOf = (weight) => {
      const [slope, { data }] = [slopeOf(weight), storedWeight(model, weight)];
      return { dims: slope.dims, data: slope.data.map((g, i) => g * (data[i] as number)) };
    };
    addNorms(scores, spaces, importance === 'taylor' ? effectOf : slopeOf, options.norm);
  });
  return scores.map((score) => score.map((sum) => sum / batches));
}
