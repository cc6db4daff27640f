/** Take layers apart into smaller ones: singular values, Tucker's form, the canonical polyadic form. */
import { z } from 'zod';
import { FineTune } from './fine-tune.js';

export const DecompositionRank = z
  .discriminatedUnion('by', [
    z.strictObject({
      by: z.literal('ratio'),
      ratio: z.number().gt(1).max(64).default(2).describe('a layer costs this many times fewer multiply-accumulates'),
    }),
    z.strictObject({
      by: z.literal('energy'),
      share: z.number().gt(0).max(1).default(0.9).describe('share of the squared norm of the weights that is kept'),
    }),
    z.strictObject({ by: z.literal('vbmf') }),
  ])
  .describe(
    'how many components a layer keeps: by cost, by what is lost, or what variational Bayes takes for more than noise',
  )
  .meta({ id: 'DecompositionRank' });

export const DecomposePass = z
  .strictObject({
    pass: z.literal('decompose'),
    convolution: z
      .enum(['tucker', 'spatial-svd', 'cp', 'none'])
      .default('tucker')
      .describe('how convolutions over a window are taken apart'),
    dense: z
      .enum(['svd', 'none'])
      .default('svd')
      .describe('how dense layers and convolutions over single places are taken apart'),
    rank: DecompositionRank.default({ by: 'ratio', ratio: 2 }).describe('how many components a layer keeps'),
    keep: z.array(z.string().min(1)).max(1000).default([]).describe('names of nodes that stay as they are'),
    multiple: z.int().min(1).max(64).default(8).describe('ranks are whole multiples of this'),
    fineTune: FineTune.default({
      epochs: 5,
      batchSize: 64,
      optimizer: { name: 'adamw', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
      seed: 1,
    }).describe('training afterwards'),
  })
  .refine(({ convolution, rank }) => convolution !== 'cp' || rank.by === 'ratio', {
    path: ['rank', 'by'],
    message: "'cp' has no spectrum to choose by: expected 'ratio'",
  });
