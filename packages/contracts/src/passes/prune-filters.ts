/** Remove whole filters, with real shape change, ranked over the training batches or by their weights. */
import { z } from 'zod';
import { FineTune } from './fine-tune.js';

export const PruneFiltersPass = z.strictObject({
  pass: z.literal('prune-filters'),
  ratio: z.number().gt(0).lt(1).describe('fraction of prunable filters to remove'),
  scope: z
    .enum(['layer', 'global'])
    .default('layer')
    .describe('rank filters within each layer, or over the whole network'),
  importance: z
    .enum(['gradient', 'taylor', 'magnitude'])
    .default('gradient')
    .describe("what ranks filters: the loss's gradient by their weights, its product with them, or the weights alone"),
  norm: z
    .union([z.literal(1), z.literal(2)])
    .default(2)
    .describe('the p of the norm'),
  multiple: z
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe("kept channel counts are rounded up to a multiple of this; the target's block when absent"),
  scoreBatches: z.int().min(1).default(8).describe('training batches over which gradients are added up'),
  fineTune: FineTune.default({
    epochs: 5,
    batchSize: 64,
    optimizer: { name: 'adamw', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    seed: 1,
  }).describe('training after the cut'),
});
