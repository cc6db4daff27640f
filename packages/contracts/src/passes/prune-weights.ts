/** Set single weights to 0, and keep them there while the rest is trained. */
import { z } from 'zod';
import { FineTune } from './fine-tune.js';

const ratio = z.number().gt(0).lt(1);
const between = { epochs: z.int().min(1).max(1000).default(1).describe('epochs of training after each round') };
const rounds = z.int().min(2).max(100).default(10).describe('how many times weights are set to 0');

export const PruningSchedule = z
  .discriminatedUnion('by', [
    z.strictObject({ by: z.literal('one-shot') }),
    z.strictObject({ by: z.literal('iterative'), rounds, ...between }),
    z.strictObject({ by: z.literal('gradual'), rounds, ...between }),
  ])
  .describe(
    "'iterative' leaves the same share of what is left in each round, 'gradual' follows a cubic curve: much at first, little at the end",
  )
  .meta({ id: 'PruningSchedule' });
export type PruningSchedule = z.infer<typeof PruningSchedule>;

export const PruneWeightsPass = z.strictObject({
  pass: z.literal('prune-weights'),
  ratio: ratio.describe('share of the weights that become 0'),
  scope: z
    .enum(['layer', 'global'])
    .default('layer')
    .describe('rank weights within each layer, or over the whole network'),
  importance: z
    .enum(['magnitude', 'gradient', 'taylor'])
    .default('magnitude')
    .describe("what ranks weights: themselves, the loss's gradient by them, or its product with them"),
  norm: z
    .union([z.literal(1), z.literal(2)])
    .default(2)
    .describe('the p of the norm of gradients over batches'),
  scoreBatches: z.int().min(1).default(8).describe('training batches whose gradients count'),
  ratios: z
    .array(z.strictObject({ node: z.string().min(1), ratio }))
    .max(1000)
    .default([])
    .describe('layers with a ratio of their own, by the name of the node'),
  keep: z.array(z.string().min(1)).max(1000).default([]).describe('names of nodes whose weights all stay'),
  schedule: PruningSchedule.default({ by: 'one-shot' }).describe('in how many rounds'),
  fineTune: FineTune.default({
    epochs: 5,
    batchSize: 64,
    optimizer: { name: 'adamw', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    seed: 1,
  }).describe('training after the last round; its optimiser also trains between rounds'),
});
