/** Quantisation-aware training: weights and scales learn while every number is rounded as the device will round it. */
import { z } from 'zod';
import { FineTune } from './fine-tune.js';

const Bits = z.union([z.literal(8), z.literal(4)]);

export const QuantizeAwarePass = z.strictObject({
  pass: z.literal('quantize-aware'),
  weightBits: Bits.default(8).describe(
    'bits of a weight; those of 4 lie in int8 and take half of that in a packed download',
  ),
  activationBits: Bits.default(8).describe('bits of an activation; those of 4 need hardware that computes with them'),
  wideEdges: z
    .boolean()
    .default(true)
    .describe('whether the first and the last layer keep 8 bits, whatever the others have'),
  learnScales: z
    .boolean()
    .default(true)
    .describe('whether scales learn too (LSQ, on a logarithmic axis); else they stay as calibration found them'),
  samples: z.int().min(1).default(256).describe('training samples from which the first scales are found'),
  fineTune: FineTune.default({
    epochs: 5,
    batchSize: 64,
    optimizer: { name: 'adamw', learningRate: 0.0003, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    seed: 1,
  }).describe('the training'),
});
