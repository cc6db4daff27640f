/** Static int8 in QDQ form, weights per output channel. */
import { z } from 'zod';

export const QuantizeStaticPass = z.strictObject({
  pass: z.literal('quantize-static'),
  calibration: z
    .enum(['auto', 'min-max', 'percentile', 'entropy', 'mse'])
    .default('auto')
    .describe(
      "how ranges of activations are found; 'auto' takes mse or min-max, whichever leaves the outputs more like the source's",
    ),
  percentile: z.number().gt(50).max(100).default(99.99).describe('share of values that a percentile range keeps'),
  giveWay: z
    .boolean()
    .default(true)
    .describe('whether a method gives way to min-max where it would be worse on the calibration samples'),
  samples: z.int().min(1).default(256).describe('training samples that calibrate'),
  biasCorrection: z
    .boolean()
    .default(true)
    .describe(
      "biases take back what quantization does to the means of channels, where the outputs are more like the source's then",
    ),
});
