/** How much each single weight matters. */
import type { Samples } from '@verge/data';
import type { Model } from '@verge/onnx';
import { eachGradient, type GradientOptions, type Importance } from '../../study/gradients.js';

export interface WeightScoreOptions extends GradientOptions {
  importance: Importance;
  /** The p of the norm over batches: (mean |g|^p)^(1/p). */
  norm: 1 | 2;
}

/** ||dL/dw||_p over batches, for each element of each weight. */
async function slopes(
  model: Model,
  samples: Samples,
  names: readonly string[],
  { norm, ...options }: WeightScoreOptions,
): Promise<Map<string, Float64Array>> {
  const sums = new Map<string, Float64Array>();
  const batches = await eachGradient(model, samples, names, options, (gradientOf) => {
    for (const name of names) {
      const { data } = gradientOf(name);
      const sum = sums.get(name) ?? new Float64Array(data.length);
      for (let i = 0; i < data.length; i++) {
        const g = Math.abs(data[i] as number);
        sum[i] = (sum[i] as number) + (norm === 1 ? g : g * g);
      }
      sums.set(name, sum);
    }
  });
  const rooted = (mean: number): number => (norm === 1 ? mean : Math.sqrt(mean));
  return new Map([...sums].map(([name, sum]) => [name, sum.map((s) => rooted(s / batches))]));
}

/**
 * `magnitude`: |w|. `gradient`: ||dL/dw||_p over training batches. `taylor`: |w| ||dL/dw||_p, what the loss changes by when the weight
 * goes, to the first order.
 * @param weights by name
 * @throws TrainingError when the gradient is asked for and the model cannot be differentiated
 */
export async function scoreWeights(
  model: Model,
  weights: ReadonlyMap<string, Float32Array>,
  samples: Samples,
  options: WeightScoreOptions,
): Promise<Map<string, Float64Array>> {
  const sizes = new Map([...weights].map(([name, data]) => [name, Float64Array.from(data, Math.abs)]));
  if (options.importance === 'magnitude') return sizes;
  const found = await slopes(model, samples, [...weights.keys()], options);
  if (options.importance === 'gradient') return found;
  return new Map([...found].map(([name, g]) => [name, g.map((v, i) => v * (sizes.get(name)![i] as number))]));
}
