/** Remove whole filters, with real shape change, ranked over the training batches or by their weights. */
import { z } from 'zod';
import { FineTune } from './fine-tune.js';

export const PruneFiltersPass = z
  .strictObject({
    pass: z.literal('prune-filters'),
    ratio: z.number().gt(0).lt(1).optional().describe('fraction of prunable filters to remove'),
    macs: z
      .number()
      .gt(0)
      .lt(1)
      .optional()
      .describe(
        'share of the multiply-accumulates that may stay, in place of `ratio`: as few filters go as that takes',
      ),
    rounds: z
      .int()
      .min(1)
      .max(50)
      .default(1)
      .describe('how often filters are ranked, removed and the rest is trained, a part of the epochs each time'),
    pace: z
      .enum(['cubic', 'even'])
      .default('cubic')
      .describe('with several rounds: how much goes in each, most of it early, or the same each time'),
    scope: z
      .enum(['layer', 'global'])
      .default('layer')
      .describe('rank filters within each layer, or over the whole network'),
    importance: z
      .enum(['gradient', 'taylor', 'magnitude'])
      .default('gradient')
      .describe(
        "what ranks filters: the loss's gradient by their weights, its product with them, or the weights alone",
      ),
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
  })
  .refine(({ ratio, macs }) => (ratio === undefined) !== (macs === undefined), {
    path: ['ratio'],
    message: 'expected either `ratio` or `macs`',
  })
  .refine(({ rounds, fineTune }) => fineTune.epochs === 0 || fineTune.epochs >= rounds, {
    path: ['rounds'],
    message: 'expected no more rounds than `fineTune.epochs`',
  });
