/** Remove whole filters, with real shape change, ranked over the training batches or by their weights. */
import { z } from 'zod';
import { FineTune } from './fine-tune.js';

const ratio = z.number().gt(0).lt(1);
/** One of these says how much goes. */
const amounts = ['ratio', 'macs', 'latency'] as const;

export const PruneFiltersPass = z
  .strictObject({
    pass: z.literal('prune-filters'),
    ratio: ratio.optional().describe('fraction of prunable filters to remove'),
    macs: z
      .number()
      .gt(0)
      .lt(1)
      .optional()
      .describe(
        'share of the multiply-accumulates that may stay, in place of `ratio`: as few filters go as that takes',
      ),
    latency: z
      .number()
      .gt(0)
      .lt(1)
      .optional()
      .describe(
        "share of the unpruned model's time that may stay, in place of `ratio`: by kernels that are timed where the recipe is carried out, and the result measured whole; refused where these are not the target's",
      ),
    ratios: z
      .array(z.strictObject({ node: z.string().min(1), ratio: z.number().min(0).lt(1) }))
      .max(1000)
      .default([])
      .describe('layers with a fraction of their own, by the name of the node; 0 leaves one whole'),
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
      .enum(['layer', 'global', 'sensitivity'])
      .default('layer')
      .describe(
        'the same fraction of each layer; or filters ranked over the whole network; or of each layer as much as costs the outputs little, which is measured first on 64 samples',
      ),
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
  .refine((pass) => amounts.filter((name) => pass[name] !== undefined).length === 1, {
    path: ['ratio'],
    message: 'expected one of `ratio`, `macs` and `latency`',
  })
  .refine(({ rounds, fineTune }) => fineTune.epochs === 0 || fineTune.epochs >= rounds, {
    path: ['rounds'],
    message: 'expected no more rounds than `fineTune.epochs`',
  });
