/** A compression recipe: ordered passes and the budget that the result must meet. */
import { z } from 'zod';
import { Slug } from './identifiers.js';
import { DeviceClass, Measurement } from './measurement.js';
import { RecipePass } from './passes/index.js';

/** What of a budget holds where the recipe says nothing; docs/guides/recipe.md has the measurements that it comes from. */
export const budgetDefaults = { maxErrorRatio: 1.1, minAgreement: 0.85, maxKl: 0.2, minSqnrDb: 10 } as const;

const labelFree = '; null asks for none. Where it is not said: of outputs that nothing else judges, ';

/**
 * `maxErrorRatio` and what follows are absent where a recipe does not say them, so that the documents of earlier releases stay what
 * they are.
 */
export const Budget = z
  .strictObject({
    maxAccuracyDropPoints: z
      .number()
      .min(0)
      .default(1)
      .describe(
        'largest loss of top-1 accuracy on the test part, in percentage points; of mean F1, area under the curve or mean IoU where that is what the model is judged by',
      ),
    maxErrorRatio: z
      .number()
      .positive()
      .optional()
      .describe(
        `largest error (rmse of numbers and reconstructions, label error rate) as a multiple of the source model's; ${budgetDefaults.maxErrorRatio} when absent`,
      ),
    minAgreement: z
      .number()
      .min(0)
      .max(1)
      .nullable()
      .optional()
      .describe(
        `least share of samples with the source model's class, of every output of classes${labelFree}${budgetDefaults.minAgreement}`,
      ),
    maxKl: z
      .number()
      .min(0)
      .nullable()
      .optional()
      .describe(
        `largest mean Kullback-Leibler divergence from the source model's probabilities, in nats, of every output of classes${labelFree}${budgetDefaults.maxKl}`,
      ),
    minSqnrDb: z
      .number()
      .nullable()
      .optional()
      .describe(
        `least ratio of signal to difference in decibels, of every output of numbers${labelFree}${budgetDefaults.minSqnrDb}, classes excepted`,
      ),
    maxAbsDifference: z
      .number()
      .min(0)
      .nullable()
      .optional()
      .describe("largest absolute difference from the source model's numbers; none when absent"),
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

/** What was decided of one part of a network, a node with weights and what is computed with it, and why. */
export const UnitReport = z
  .object({
    node: z.string().describe('name of the node with weights'),
    precision: z.enum(['int8', 'float32']),
    int8Ms: z
      .number()
      .nullable()
      .describe('milliseconds of its kernel in int8 on the machine that compressed; null: not measured'),
    float32Ms: z.number().nullable().describe('and in float32'),
    divergence: z
      .number()
      .nullable()
      .describe(
        'what int8 in this part alone does to the outputs: divergence of the classes in nats, or noise over signal of numbers; null: not measured',
      ),
    reason: z.string(),
  })
  .meta({ id: 'UnitReport' });
export type UnitReport = z.infer<typeof UnitReport>;

/** What it costs the outputs when a group of channels loses some, and nothing else does. */
export const ChannelSensitivity = z
  .object({
    node: z.string().describe('the nodes that compute the channels, with + between'),
    channels: z.int().min(1).describe('channels that there were'),
    points: z
      .array(
        z.strictObject({
          removed: z.int().min(1).describe('channels of least importance that were masked'),
          divergence: z
            .number()
            .nullable()
            .describe('of the classes in nats, or noise over signal of numbers; null: the outputs were no numbers'),
        }),
      )
      .describe('in the order of what was removed'),
  })
  .meta({ id: 'ChannelSensitivity' });
export type ChannelSensitivity = z.infer<typeof ChannelSensitivity>;

/** What one pass did. */
export const PassReport = z
  .object({
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
    units: z.array(UnitReport).optional().describe('of a pass that decides part by part'),
    sensitivity: z
      .array(ChannelSensitivity)
      .optional()
      .describe('of a pass that measures what removals cost, on the model that it was given'),
  })
  .meta({ id: 'PassReport' });

export type PassReport = z.infer<typeof PassReport>;

export const CompressionReport = z
  .object({
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
