/** A compression recipe: ordered passes and the budget that the result must meet. */
import { z } from 'zod';
import { Slug } from './identifiers.js';
import { DeviceClass, Measurement } from './measurement.js';
import { RecipePass } from './passes/index.js';

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
    passes: z
      .array(RecipePass)
      .min(1)
      .max(16)
      .describe(
        'carried out in order; those that change the structure run before the one that changes the precision, wherever they stand',
      ),
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
    notes: z
      .array(z.string())
      .optional()
      .describe('what else there is to know: that it ran at another place than the recipe has it'),
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
