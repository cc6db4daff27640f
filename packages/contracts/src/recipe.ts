/** A compression recipe: ordered passes and the budget that the result must meet. */
import { z } from 'zod';
import { Slug } from './identifiers.js';
import { DeviceClass, Measurement } from './measurement.js';
import { DistillationConfig, OptimizerConfig } from './training-config.js';

export const FineTune = z
  .strictObject({
    epochs: z.int().min(0).max(10_000).default(5).describe('passes over the training part; 0 tunes nothing'),
    batchSize: z.int().min(1).default(64).describe('samples of one step'),
    optimizer: OptimizerConfig.default({
      name: 'adamw',
      learningRate: 0.001,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
    }).describe('how weights follow gradients'),
    distillation: DistillationConfig.pick({ temperature: true, alpha: true })
      .optional()
      .describe('learn from the unpruned model as well as from the labels'),
    seed: z.int().min(0).default(1).describe('same seed, same bytes'),
  })
  .meta({ id: 'FineTune' });

export const RecipePass = z
  .discriminatedUnion('pass', [
    /** Fold BatchNormalization into Conv and ConvTranspose, constants into constants. */
    z.strictObject({ pass: z.literal('fold') }),
    /** Remove whole filters, with real shape change, ranked by ||dL/dw||_p over the training batches. */
    z.strictObject({
      pass: z.literal('prune-filters'),
      ratio: z.number().gt(0).lt(1).describe('fraction of prunable filters to remove'),
      scope: z
        .enum(['layer', 'global'])
        .default('layer')
        .describe('rank filters within each layer, or over the whole network'),
      norm: z
        .union([z.literal(1), z.literal(2)])
        .default(2)
        .describe('the p of the norm of the gradient'),
      multiple: z.int().min(1).max(64).default(8).describe('kept channel counts are rounded up to a multiple of this'),
      scoreBatches: z.int().min(1).default(8).describe('training batches over which gradients are added up'),
      fineTune: FineTune.default({
        epochs: 5,
        batchSize: 64,
        optimizer: { name: 'adamw', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
        seed: 1,
      }).describe('training after the cut'),
    }),
    /** Static int8 in QDQ form, weights per output channel. */
    z.strictObject({
      pass: z.literal('quantize-static'),
      calibration: z
        .enum(['min-max', 'percentile', 'entropy'])
        .default('min-max')
        .describe('how ranges of activations are found'),
      percentile: z.number().gt(50).max(100).default(99.99).describe('share of values that a percentile range keeps'),
      samples: z.int().min(1).default(256).describe('training samples that calibrate'),
    }),
  ])
  .meta({ id: 'RecipePass' });
export type RecipePass = z.infer<typeof RecipePass>;

export const Budget = z
  .strictObject({
    maxAccuracyDropPoints: z
      .number()
      .min(0)
      .default(1)
      .describe('largest loss of top-1 accuracy on the test part, in percentage points'),
    maxLatencyRatio: z
      .number()
      .positive()
      .default(1)
      .describe("largest p50 latency as a multiple of the source model's"),
    maxSizeRatio: z.number().positive().default(1).describe("largest size as a fraction of the source model's"),
  })
  .meta({ id: 'Budget' });
export type Budget = z.infer<typeof Budget>;

export const Recipe = z
  .strictObject({
    schema: z.literal('verge.recipe/1').default('verge.recipe/1').describe('form of this document'),
    name: Slug.describe('name of the recipe, immutable once stored'),
    passes: z.array(RecipePass).min(1).max(16).describe('carried out in order'),
    budget: Budget.default({ maxAccuracyDropPoints: 1, maxLatencyRatio: 1, maxSizeRatio: 1 }).describe(
      'what the result must keep to; else it is not offered',
    ),
  })
  .meta({ id: 'Recipe' });
export type Recipe = z.infer<typeof Recipe>;

/** What one pass did. */
export const PassReport = z
  .strictObject({
    pass: z.string(),
    seconds: z.number().min(0),
    bytesBefore: z.int().min(0),
    bytesAfter: z.int().min(0),
    changes: z
      .record(z.string(), z.number())
      .describe('rewrites that fired, filters removed, tensors quantised: counts by name'),
    declined: z
      .array(z.strictObject({ node: z.string(), reason: z.string() }))
      .describe('what the pass declined, with the reason'),
  })
  .meta({ id: 'PassReport' });

export const CompressionReport = z
  .strictObject({
    schema: z.literal('verge.compression-report/1'),
    recipe: Slug,
    target: DeviceClass,
    before: Measurement,
    after: Measurement,
    passes: z.array(PassReport),
    offered: z.boolean().describe('whether the result may be rolled out to the target'),
    reasons: z.array(z.string()).describe('why it is not offered; empty when it is'),
  })
  .meta({ id: 'CompressionReport' });
export type CompressionReport = z.infer<typeof CompressionReport>;
