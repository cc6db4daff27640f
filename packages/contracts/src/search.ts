/** A search for the best variant of a model within a budget, and what came of it. */
import { z } from 'zod';
import { DeviceClass, Measurement } from './measurement.js';
import { RecipePass } from './passes/index.js';
import { PassReport } from './recipe.js';

export const SearchBudget = z
  .strictObject({
    maxDropPoints: z
      .number()
      .min(0)
      .default(1)
      .describe(
        'largest loss: percentage points of accuracy (area under the curve, mean F1 or IoU), percent of an error; without labels, percent of the samples with another class, or of noise over signal',
      ),
    maxBytes: z.int().positive().optional().describe('largest file'),
    maxLatencyMs: z
      .number()
      .positive()
      .optional()
      .describe("largest p50 on this machine, of the target's architecture"),
    maxSeconds: z.number().positive().default(1800).describe('time for variants, over all runs of the search'),
  })
  .meta({ id: 'SearchBudget' });
export type SearchBudget = z.infer<typeof SearchBudget>;

/** What a search is asked for. Where the time is over the best so far is taken; what is left is named in the report. */
export const SearchRequest = z
  .strictObject({
    budget: SearchBudget.prefault({}),
    seed: z.int().min(0).default(1).describe('of all that is drawn: the same seed gives the same front'),
  })
  .meta({ id: 'SearchRequest' });
export type SearchRequest = z.infer<typeof SearchRequest>;

/** One variant of the Pareto front as far as a search has come. */
export const FrontPoint = z
  .strictObject({
    id: z.string().describe('its passes in words'),
    points: z.number().describe('its loss, on the samples that choose'),
    bytes: z.int().min(0),
    macs: z.number().min(0),
  })
  .meta({ id: 'FrontPoint' });
export type FrontPoint = z.infer<typeof FrontPoint>;

/** How far a search has come. */
export const SearchState = z
  .strictObject({
    tried: z.int().min(0).describe('variants that were tried'),
    front: z.array(FrontPoint).describe('those of them that no other beats in loss, bytes and operations at once'),
  })
  .meta({ id: 'SearchState' });
export type SearchState = z.infer<typeof SearchState>;

/** One way to compress the model, as far as it was tried. */
export const SearchVariant = z
  .object({
    id: z.string().describe('its passes in words'),
    passes: z.array(RecipePass),
    verdict: z
      .enum(['best', 'front', 'dominated', 'over-budget', 'failed', 'not-tried'])
      .describe('front: no other variant is as good in loss, bytes and operations at once'),
    reason: z.string().describe('why it is not the best'),
    points: z.number().nullable().describe('its loss on samples that chose it; null: unbounded, or not tried'),
    lossBy: z.string().nullable(),
    divergence: z.number().nullable().describe('of the outputs, on 64 samples'),
    bytes: z.int().min(0).nullable(),
    macs: z.number().min(0).nullable(),
    seconds: z.number().min(0),
    measured: Measurement.optional().describe('on the test part, of those that were measured whole'),
    changes: z.array(PassReport),
  })
  .meta({ id: 'SearchVariant' });
export type SearchVariant = z.infer<typeof SearchVariant>;

export const SearchReport = z
  .object({
    schema: z.literal('verge.search-report/1'),
    target: DeviceClass,
    budget: SearchBudget,
    seed: z.int(),
    seconds: z.number().min(0),
    resumed: z.int().min(0).describe('variants that an earlier run had tried'),
    before: Measurement.describe('of the source, on the test part'),
    best: z.string().nullable().describe('the variant that was written; null: none keeps to the budget'),
    nearest: z.string().nullable().describe('the variant nearest to the budget where none keeps to it'),
    variants: z.array(SearchVariant),
    notes: z.array(z.string()),
  })
  .meta({ id: 'SearchReport' });
export type SearchReport = z.infer<typeof SearchReport>;
