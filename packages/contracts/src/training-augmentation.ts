/** Random changes of training samples (packages/data, `augmentBatch`). */
import { z } from 'zod';

const Masks = z
  .strictObject({
    count: z.int().min(1).max(100).default(1).describe('masks on each sample'),
    width: z.int().min(1).describe('widest mask; each is drawn from 0 up to this'),
  })
  .meta({ id: 'Masks' });

export const AugmentationConfig = z
  .strictObject({
    shift: z.number().min(0).default(0).describe('largest shift in pixels, drawn uniformly for each axis'),
    rotate: z.number().min(0).max(180).default(0).describe('largest rotation in degrees'),
    scale: z.number().min(0).lt(1).default(0).describe('largest relative change of scale'),
    flip: z.boolean().default(false).describe('mirror left-right with probability 1/2'),
    crop: z
      .int()
      .min(1)
      .max(1024)
      .optional()
      .describe('pixels of zeros around the image, of which a random window is cut'),
    brightness: z.number().min(0).max(10).optional().describe('largest relative change of all values'),
    contrast: z
      .number()
      .min(0)
      .max(10)
      .optional()
      .describe("largest relative change of the distance to the image's mean"),
    saturation: z
      .number()
      .min(0)
      .max(10)
      .optional()
      .describe('largest relative change of the distance to gray; images of three channels only'),
    cutout: z.int().min(1).max(4096).optional().describe('side of a square of zeros at a random place, in pixels'),
    mixup: z
      .number()
      .positive()
      .max(100)
      .optional()
      .describe('parameter of the Beta distribution of the shares with which two samples and their labels are mixed'),
    noise: z.number().min(0).optional().describe('standard deviation of normal noise on every value'),
    timeShift: z.int().min(1).optional().describe('largest shift along the time axis, in steps'),
    timeMasks: Masks.optional().describe("runs of times that are set to the sample's mean"),
    frequencyMasks: Masks.optional().describe("runs of frequencies or channels that are set to the sample's mean"),
    timeAxis: z
      .enum(['last', 'second-to-last'])
      .optional()
      .describe('which axis of a sample is time; last when absent'),
  })
  .meta({ id: 'AugmentationConfig' });
export type AugmentationConfig = z.infer<typeof AugmentationConfig>;
