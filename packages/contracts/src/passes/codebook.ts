/** Weights as places in a short list of values: non-uniform quantisation of what is stored; nothing is computed in integers. */
import { z } from 'zod';

export const CodebookPass = z.strictObject({
  pass: z.literal('codebook'),
  bits: z.int().min(2).max(8).default(4).describe('each weight is one of 2^bits values of its layer'),
  scale: z
    .enum(['channel', 'layer'])
    .default('channel')
    .describe('whether the values are multiplied by a scale of each output channel'),
  keep: z.array(z.string().min(1)).max(1000).default([]).describe('names of nodes whose weights stay floats'),
});
