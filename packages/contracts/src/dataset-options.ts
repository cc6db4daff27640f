/** What may be said of how a data set is read (packages/data, `OpenOptions`); the same in dataset.json and in a training configuration. */
import { z } from 'zod';

const column = z.union([z.string(), z.int()]);
const character = z.string().length(1);

export const datasetOptions = {
  target: z
    .union([column, z.array(column).min(1).max(1000)])
    .optional()
    .describe(
      'column that says what is right, a name or an index; several hold several numbers; label, class, target, y or the last when absent',
    ),
  targetKind: z
    .enum(['class', 'number', 'none'])
    .optional()
    .describe('what the target is; found when absent, or asked for'),
  featureColumns: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('columns that are features; all but the target when absent'),
  drop: z.array(z.string()).min(1).optional().describe('columns that are neither features nor target'),
  missing: z
    .union([z.number(), z.literal('hold')])
    .optional()
    .describe('what stands for a missing value; hold, for series, is the last one'),
  naValues: z
    .array(z.string())
    .optional()
    .describe('texts that stand for a missing value; those of pandas when absent'),
  header: z.boolean().optional().describe('whether the first row holds names; recognised when absent'),
  encoding: z
    .enum(['utf-8', 'latin-1', 'windows-1252', 'utf-16le', 'utf-16be'])
    .optional()
    .describe('of text; found when absent'),
  delimiter: z
    .union([character, z.literal('whitespace')])
    .optional()
    .describe('between cells of text; found when absent'),
  decimal: z.enum(['.', ',']).optional().describe('before the fraction of a number in text; found when absent'),
  thousands: character.optional().describe('between groups of digits in text'),
  comment: character.optional().describe('character from which on a row of text is a comment'),
  layout: z
    .enum(['CHW', 'HWC', 'TC', 'CT'])
    .optional()
    .describe('axes of a stored sample in arrays: channels, height, width, time; HWC becomes CHW, CT becomes TC'),
  steps: z.int().min(1).optional().describe("steps of every series; the longest one's when absent"),
  padValue: z.number().optional().describe('what stands after the end of a shorter series; 0 when absent'),
};
