/** Low-rank adapters in a training configuration (Hu et al. 2021, arXiv:2106.09685). */
import { z } from 'zod';

export const LoraConfig = z
  .strictObject({
    match: z
      .array(z.string().min(1).max(500))
      .min(1)
      .max(1000)
      .describe('names of weights of MatMul, Gemm and Conv; * stands for any run of characters'),
    rank: z.int().min(1).max(65_536).describe('rows of A and columns of B'),
    alpha: z.number().positive().describe('the layer uses W + (alpha / rank) * B A'),
    dropout: z
      .number()
      .min(0)
      .lt(1)
      .optional()
      .describe('share of what the adapters read that is left out in training; 0 when absent'),
    seed: z
      .int()
      .min(0)
      .max(0xffffffff)
      .optional()
      .describe('of the first values of A; the seed of the run when absent'),
  })
  .meta({ id: 'LoraConfig' });
export type LoraConfig = z.infer<typeof LoraConfig>;
