/**
 * Declarative preprocessing. It travels with the model in the artifact's manifest, and the same interpreter
 * (packages/data) runs it in training, evaluation and on the device. Steps apply in order to one sample.
 */
import { z } from 'zod';

const Size = z.tuple([z.int().min(1).max(8192), z.int().min(1).max(8192)]);

export const PreprocessStep = z.discriminatedUnion('op', [
  /** Resize to [height, width]; 'stretch' ignores the aspect ratio, 'shorter-side' keeps it, the shorter side becoming min(size). */
  z.strictObject({
    op: z.literal('resize'),
    size: Size,
    fit: z.enum(['stretch', 'shorter-side']).default('stretch'),
    filter: z.enum(['nearest', 'bilinear', 'bicubic', 'area']).default('bilinear'),
  }),
  /** The central [height, width] of the image. */
  z.strictObject({ op: z.literal('center-crop'), size: Size }),
  /** Convert the colour model: ITU-R 601 luma for gray. */
  z.strictObject({ op: z.literal('color'), to: z.enum(['gray', 'rgb', 'bgr']) }),
  /** y = x * scale + offset, element-wise. */
  z.strictObject({ op: z.literal('scale'), scale: z.number(), offset: z.number().default(0) }),
  /** y = (x - mean[c]) / std[c]; one entry, or one for each channel. */
  z.strictObject({
    op: z.literal('normalize'),
    mean: z.array(z.number()).min(1),
    std: z.array(z.number().refine((v) => v !== 0, 'expected a number other than 0')).min(1),
  }),
]);
export type PreprocessStep = z.infer<typeof PreprocessStep>;

export const Preprocess = z.strictObject({
  /** What a raw sample is: an encoded image, or an array of the given shape (row-major). */
  input: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('image') }),
    z.strictObject({
      kind: z.literal('array'),
      shape: z.array(z.int().min(1)).min(1).max(8),
      /** Meaning of the axes: 'HW', 'HWC', 'CHW' for image-like arrays, 'N' for plain vectors. */
      layout: z.enum(['HW', 'HWC', 'CHW', 'N']),
    }),
  ]),
  steps: z.array(PreprocessStep).max(32),
  /** Layout of the tensor that the model reads, without the batch axis. */
  output: z.strictObject({
    layout: z.enum(['HW', 'HWC', 'CHW', 'N']),
    shape: z.array(z.int().min(1)).min(1).max(8),
    dtype: z.enum(['float32', 'uint8']).default('float32'),
  }),
});
export type Preprocess = z.infer<typeof Preprocess>;
