/** Static int8 in QDQ form, weights per output channel. */
import { z } from 'zod';

export const QuantizeStaticPass = z.strictObject({
  pass: z.literal('quantize-static'),
  calibration: z
    .enum(['min-max', 'percentile', 'entropy'])
    .default('min-max')
    .describe('how ranges of activations are found'),
  percentile: z.number().gt(50).max(100).default(99.99).describe('share of values that a percentile range keeps'),
  samples: z.int().min(1).default(256).describe('training samples that calibrate'),
});
