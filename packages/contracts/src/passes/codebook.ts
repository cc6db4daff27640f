/** Weights as places in a short list of values: non-uniform quantisation of what is stored; nothing is computed in integers. */
import { z } from 'zod';
import { FineTune } from './fine-tune.js';

const bits = z.int().min(2).max(8);

export const CodebookPass = z.strictObject({
  pass: z.literal('codebook'),
  bits: bits.default(4).describe('each weight is one of 2^bits values of its layer'),
  layers: z
    .array(z.strictObject({ node: z.string().min(1), bits }))
    .max(1000)
    .default([])
    .describe('layers with a number of bits of their own, by the name of the node'),
  scale: z
    .enum(['channel', 'layer'])
    .default('channel')
    .describe('whether the values are multiplied by a scale of each output channel'),
  groups: z
    .int()
    .min(1)
    .max(256)
    .default(1)
    .describe('lists of values in each layer: one for each of so many groups of neighbouring output channels'),
  rate: z
    .number()
    .min(0)
    .max(100)
    .default(0)
    .describe(
      'what a bit of a packed weight costs, in multiples of the least mean squared error; 0 finds the least error',
    ),
  biases: z.boolean().default(false).describe('whether biases get a list of values too'),
  keep: z.array(z.string().min(1)).max(1000).default([]).describe('names of nodes whose weights stay floats'),
  fineTune: FineTune.default({
    epochs: 0,
    batchSize: 64,
    optimizer: { name: 'adamw', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    seed: 1,
  }).describe(
    'training of the values afterwards, each by the gradients of all weights that share it; none when absent',
  ),
});
