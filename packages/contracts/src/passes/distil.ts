/** Train another, smaller network to answer as the model does. */
import { z } from 'zod';
import { Slug } from '../identifiers.js';
import { Initialisation } from '../training-init.js';
import { ArchitectureParams } from '../training-config.js';
import { FineTune } from './fine-tune.js';

/** Where the smaller network comes from. */
export const DistilStudent = z
  .discriminatedUnion('from', [
    z.strictObject({
      from: z.literal('narrower'),
      width: z
        .number()
        .gt(0)
        .lt(1)
        .default(0.5)
        .describe('share of the channels of every layer that stays: those of the largest weights, which they keep'),
      multiple: z
        .int()
        .min(1)
        .max(64)
        .optional()
        .describe("kept channel counts are rounded up to a multiple of this; the target's block when absent"),
    }),
    z.strictObject({
      from: z.literal('architecture'),
      architecture: Slug.describe('name of a built-in architecture'),
      params: ArchitectureParams.default({}).describe(
        'parameters of the architecture; those left out have their defaults',
      ),
      init: Initialisation.optional().describe('how weights are drawn; what suits the architecture when absent'),
    }),
    z.strictObject({
      from: z.literal('onnx'),
      onnx: z
        .string()
        .min(1)
        .describe('path of an ONNX file with its initial weights, relative to the recipe; in the cloud its digest'),
    }),
  ])
  .describe('the smaller network: a narrower copy, a built-in architecture, or an ONNX file')
  .meta({ id: 'DistilStudent' });

export const DistilPass = z
  .strictObject({
    pass: z.literal('distil'),
    student: DistilStudent.default({ from: 'narrower', width: 0.5 }).describe(
      'the smaller network: a narrower copy, a built-in architecture, or an ONNX file',
    ),
    fineTune: FineTune.default({
      epochs: 20,
      batchSize: 64,
      optimizer: { name: 'adamw', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
      distillation: { temperature: 4, alpha: 0.3 },
      seed: 1,
    }).describe('the training; `distillation` says how much the teacher and the labels count'),
  })
  .refine(({ fineTune }) => fineTune.epochs > 0, {
    path: ['fineTune', 'epochs'],
    message: 'expected at least 1: a student that learns nothing is none',
  });
