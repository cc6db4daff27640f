/** Numbers of 16 bits: what is stored, or what is computed as well. Inputs and outputs of the model stay as they are. */
import { z } from 'zod';

export const Float16Pass = z.strictObject({
  pass: z.literal('float16'),
  mode: z
    .enum(['weights', 'all'])
    .default('weights')
    .describe(
      "'weights' stores float16 and computes in float32 as before; 'all' computes in float16 too, for devices that are fast at it",
    ),
  samples: z
    .int()
    .min(1)
    .default(64)
    .describe("with 'all': training samples that show which values float16 cannot hold"),
  keep: z.array(z.string().min(1)).max(1000).default([]).describe('names of nodes that stay in float32'),
});
