/** What a training minimises. */
import { z } from 'zod';

const from0 = z.number().min(0);
const positive = z.number().positive();

/**
 * Data sets hold samples, and classes or numbers that are right of them, so that is what these losses read; what needs other
 * targets (several labels at once, sequences) is open to programs that call `fit`.
 */
export const LossConfig = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('cross-entropy').describe('-log of the probability of the class, in nats'),
      classWeights: z.array(from0).min(2).optional().describe('factor of each class'),
    }),
    z.strictObject({
      kind: z.literal('focal').describe('cross-entropy that counts hard samples more (Lin et al., arXiv:1708.02002)'),
      gamma: from0.default(2).describe('exponent of 1 - probability'),
      alpha: z.array(from0).min(2).optional().describe('factor of each class'),
    }),
    z.strictObject({
      kind: z.literal('hinge').describe('margin between the class and each other one'),
      margin: from0.default(1).describe('how far apart outputs must be'),
      power: z
        .union([z.literal(1), z.literal(2)])
        .default(1)
        .describe('exponent of what is missing'),
    }),
    z.strictObject({
      kind: z.literal('triplet').describe('distances between samples of one class and of two (arXiv:1703.07737)'),
      margin: from0.default(1).describe('how far apart distances must be'),
    }),
    z.strictObject({
      kind: z
        .literal('mse')
        .describe('mean squared error between output and numbers; without any the input itself: an auto-encoder'),
    }),
    z.strictObject({ kind: z.literal('mae').describe('mean absolute error between output and numbers, or input') }),
    z.strictObject({
      kind: z
        .literal('huber')
        .describe('squared error up to delta, absolute beyond, between output and numbers, or input'),
      delta: positive.default(1).describe('where the error turns from squared to absolute'),
    }),
  ])
  .meta({ id: 'LossConfig' });
export type LossConfig = z.infer<typeof LossConfig>;

/** Figures on the validation part (packages/training, `metricTable`). */
export const MetricName = z
  .enum(['accuracy', 'top3', 'top5', 'macroF1', 'microF1', 'auc', 'mae', 'rmse', 'r2', 'labelErrorRate', 'mIoU'])
  .meta({ id: 'MetricName' });
export type MetricName = z.infer<typeof MetricName>;
