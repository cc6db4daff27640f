/** Weights in blocks of 4 or 8 bits with a scale each; what is computed with them stays float. */
import { z } from 'zod';

export const QuantizeWeightsPass = z.strictObject({
  pass: z.literal('quantize-weights'),
  bits: z.literal([4, 8]).default(4).describe('of each weight'),
  blockSize: z
    .literal([16, 32, 64, 128, 256])
    .default(32)
    .describe('how many weights of a column, or of a row of an embedding, share a scale'),
  symmetric: z.boolean().default(false).describe('whether blocks have no zero point of their own'),
  scale: z
    .enum(['least-squares', 'range'])
    .default('least-squares')
    .describe(
      "'range' covers all weights of a block, 'least-squares' takes the scale with the least squared error, which may cut off the largest",
    ),
  rounding: z
    .enum(['nearest', 'adaptive'])
    .default('nearest')
    .describe(
      "how weights of products are rounded; 'adaptive' changes least what each product gives on samples, where samples that are held back show a gain",
    ),
  samples: z
    .int()
    .min(1)
    .default(128)
    .describe("training samples that 'adaptive' rounding looks at; they need no labels"),
  accuracyLevel: z
    .literal([0, 1, 4])
    .default(4)
    .describe('what activations may be rounded to: 0 and 1 float32, 4 int8 in blocks, which is faster on CPUs'),
  embeddings: z.boolean().default(true).describe('whether tables that Gather reads rows of are quantised too'),
  keep: z.array(z.string().min(1)).max(1000).default([]).describe('names of nodes whose weights stay floats'),
});
