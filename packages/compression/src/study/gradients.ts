/** Gradients of the loss by constants of a model, a batch of training samples at a time. */
import { slice, type Samples } from '@verge/data';
import { openModel, type Model, type SessionFactory, type Tensor } from '@verge/onnx';
import { boundToSamples, buildGradientModel, LABELS, type PortOptions, sampleFeeds } from '@verge/training';
import { checkCancelled } from '../errors.js';

/** What ranks weights: by the loss's gradient, by its product with them (a Taylor expansion to the first order), or by themselves. */
export type Importance = 'gradient' | 'taylor' | 'magnitude';

export interface GradientOptions {
  batches: number;
  batchSize: number;
  ports?: PortOptions;
  createSession: SessionFactory;
  signal?: AbortSignal;
  onProgress?: (fraction: number) => void;
}

/** The gradient by a constant, of one batch. */
export type GradientOf = (name: string) => { readonly data: Float32Array; readonly dims: readonly number[] };

/**
 * Calls `visit` once for each batch (cross-entropy with the samples' labels), as far as the samples go.
 * @param wrt names of float32 constants
 * @returns batches that there were
 * @throws TrainingError when the model cannot be differentiated, CompressionError `cancelled`
 */
export async function eachGradient(
  model: Model,
  samples: Samples,
  wrt: readonly string[],
  options: GradientOptions,
  visit: (gradientOf: GradientOf) => void,
): Promise<number> {
  const batch = Math.min(options.batchSize, samples.y.length);
  const batches = Math.min(options.batches, Math.floor(samples.y.length / batch));
  const bound = boundToSamples(model, samples, options.ports);
  const gradient = buildGradientModel(bound, { loss: { kind: 'cross-entropy' }, batch, wrt });
  const session = await openModel(options.createSession, gradient.model, { optimization: 'extended' });
  try {
    for (let k = 0; k < batches; k++) {
      checkCancelled(options.signal);
      const part = slice(samples, k * batch, (k + 1) * batch);
      const feeds: Record<string, Tensor> = {
        ...sampleFeeds(bound, part, 0, batch),
        [LABELS]: { dtype: 'int32', dims: [batch], data: part.y },
      };
      const outputs = await session.run(feeds, [...gradient.gradients.values()]);
      visit((name) => outputs[gradient.gradients.get(name) as string] as Tensor & { data: Float32Array });
      options.onProgress?.((k + 1) / batches);
    }
  } finally {
    await session.release();
  }
  return batches;
}
