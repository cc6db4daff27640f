/** Outliers of activations moved into weights, so that 8 bits hold both (Xiao et al., SmoothQuant, 2022). */
import { z } from 'zod';

export const SmoothPass = z.strictObject({
  pass: z.literal('smooth'),
  alpha: z
    .union([z.literal('auto'), z.number().min(0).max(1)])
    .default('auto')
    .describe(
      "how much of the spread between channels moves from activations into weights: 0 none of it, 1 all; 'auto' searches for each layer",
    ),
  multiply: z
    .boolean()
    .default(true)
    .describe('whether a multiplication is put in where no weight or normalisation before can take the factors'),
  samples: z.int().min(1).default(64).describe('training samples that show how large channels are'),
  keep: z.array(z.string().min(1)).max(1000).default([]).describe('names of nodes that stay as they are'),
});
