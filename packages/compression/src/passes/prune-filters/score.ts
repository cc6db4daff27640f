/** How much the loss depends on each filter: the norm of its gradient. */
import { slice, type Samples } from '@verge/data';
import { encodeModel, type Model, type SessionFactory, type Tensor } from '@verge/onnx';
import { boundToSamples, buildGradientModel, LABELS, type PortOptions, sampleFeeds } from '@verge/training';
import { checkCancelled } from '../../errors.js';
import type { Space } from '../../graph/channel-space.js';

export interface ScoreOptions {
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
export function sliceNorms(data: Float32Array, dims: readonly number[], axis: number, norm: 1 | 2): Float64Array {
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

/**
 * The score of filter i: ||dL/dw_i||_p of the cross-entropy, averaged over batches of training samples, summed over the
 * layers whose outputs are added together.
 * @returns one score a channel for each space
 */
export async function scoreFilters(
  model: Model,
  spaces: readonly Space[],
  samples: Samples,
  options: ScoreOptions,
): Promise<Float64Array[]> {
  const weights = [...new Set(spaces.flatMap((s) => s.producers.map((p) => p.weight)))];
  const batch = Math.min(options.batchSize, samples.y.length);
  const batches = Math.min(options.batches, Math.floor(samples.y.length / batch));
  const bound = boundToSamples(model, samples, options.ports);
  const gradient = buildGradientModel(bound, { loss: { kind: 'cross-entropy' }, batch, wrt: weights });
  const session = await options.createSession(encodeModel(gradient.model), { optimization: 'extended' });
  const scores = spaces.map((space) => new Float64Array(space.size));
  try {
    for (let k = 0; k < batches; k++) {
      checkCancelled(options.signal);
      const part = slice(samples, k * batch, (k + 1) * batch);
      const feeds: Record<string, Tensor> = {
        ...sampleFeeds(bound, part, 0, batch),
        [LABELS]: { dtype: 'int32', dims: [batch], data: part.y },
      };
      const outputs = await session.run(feeds, [...gradient.gradients.values()]);
      spaces.forEach((space, s) => {
        for (const { weight, axis } of space.producers) {
          const g = outputs[gradient.gradients.get(weight) as string] as Tensor;
          const norms = sliceNorms(g.data as Float32Array, g.dims, axis, options.norm);
          norms.forEach(
            (n, c) => ((scores[s] as Float64Array)[c] = ((scores[s] as Float64Array)[c] as number) + n / batches),
          );
        }
      });
      options.onProgress?.((k + 1) / batches);
    }
  } finally {
    await session.release();
  }
  return scores;
}
