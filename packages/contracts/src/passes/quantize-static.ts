/** Static int8 in QDQ form, weights per output channel. */
import { z } from 'zod';

export const QuantizeStaticPass = z.strictObject({
  pass: z.literal('quantize-static'),
  precision: z
    .enum(['int8', 'auto'])
    .default('int8')
    .describe(
      "'auto' leaves in float32 what int8 makes slower, as measured on this machine where the target is of its kind, and what costs too much quality",
    ),
  maxDivergence: z
    .number()
    .positive()
    .default(0.1)
    .describe(
      "'auto' leaves parts in float32 until the outputs are no further from the source's: nats of classes, noise over signal of numbers",
    ),
  keep: z.array(z.string().min(1)).max(1000).default([]).describe('names of nodes with weights that stay in float32'),
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
  rounding: z
    .enum(['nearest', 'adaptive'])
    .default('nearest')
    .describe(
      "how weights are rounded; 'adaptive' changes least what each layer gives on the calibration samples, where samples that are held back show a gain",
    ),
});
