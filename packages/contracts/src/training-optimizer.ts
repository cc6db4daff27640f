/** How weights follow gradients: optimisers, the learning rate over time, averages over the run. */
import { z } from 'zod';

const positive = z.number().positive();
const decay = z.number().min(0).lt(1);
const names = z.array(z.string().min(1).max(500)).min(1).max(1000);

const ParameterGroup = z
  .strictObject({
    match: names.describe('names of parameters; * stands for any run of characters'),
    learningRateFactor: z.number().min(0).optional().describe('multiplies the learning rate of these parameters'),
    weightDecay: z
      .number()
      .min(0)
      .optional()
      .describe("takes the place of the optimizer's, also for biases and normalisation"),
    frozen: z.boolean().optional().describe('these parameters stay as they are'),
  })
  .meta({ id: 'ParameterGroup' });

const common = {
  decayExcluded: names.optional().describe('names of further parameters without weight decay'),
  groups: z
    .array(ParameterGroup)
    .max(100)
    .optional()
    .describe('parameters that go their own way; each belongs to the first group that names it'),
};

const moments = (epsilon: number, weightDecay: number) => ({
  learningRate: positive.default(0.001).describe('peak learning rate'),
  beta1: decay.default(0.9).describe('decay of the mean of gradients'),
  beta2: decay.default(0.999).describe('decay of the mean of squared gradients'),
  epsilon: positive.default(epsilon).describe('added to the denominator'),
  weightDecay: z.number().min(0).default(weightDecay).describe('decay of weights'),
  ...common,
});

export const OptimizerConfig = z
  .discriminatedUnion('name', [
    z.strictObject({
      name: z.literal('sgd'),
      learningRate: positive.default(0.1).describe('peak learning rate'),
      momentum: decay.default(0.9).describe('share of the last update that is kept'),
      dampening: decay.optional().describe('share of the gradient that does not enter the momentum'),
      nesterov: z.boolean().default(false).describe('look ahead along the momentum'),
      weightDecay: z.number().min(0).default(0).describe('L2 penalty on weights'),
      ...common,
    }),
    z.strictObject({ name: z.literal('adamw'), ...moments(1e-8, 0.01) }),
    z.strictObject({ name: z.literal('adam'), ...moments(1e-8, 0) }),
    z.strictObject({ name: z.literal('lamb'), ...moments(1e-6, 0.01) }),
    z.strictObject({
      name: z.literal('rmsprop'),
      learningRate: positive.default(0.01).describe('peak learning rate'),
      alpha: decay.default(0.99).describe('decay of the mean of squared gradients'),
      epsilon: positive.default(1e-8).describe('added to the denominator'),
      momentum: decay.default(0).describe('share of the last update that is kept'),
      centered: z.boolean().default(false).describe('divide by the deviation instead of the root mean square'),
      weightDecay: z.number().min(0).default(0).describe('L2 penalty on weights'),
      ...common,
    }),
    z.strictObject({
      name: z.literal('adagrad'),
      learningRate: positive.default(0.01).describe('peak learning rate'),
      lrDecay: z.number().min(0).default(0).describe('the rate of step t is divided by 1 + (t - 1) * lrDecay'),
      initialAccumulator: z.number().min(0).default(0).describe('sum of squared gradients at the start'),
      epsilon: positive.default(1e-10).describe('added to the denominator'),
      weightDecay: z.number().min(0).default(0).describe('L2 penalty on weights'),
      ...common,
    }),
  ])
  .meta({ id: 'OptimizerConfig' });
export type OptimizerConfig = z.infer<typeof OptimizerConfig>;

const fraction = z.number().min(0).max(1);

const scheduleFields = {
  name: z
    .enum(['constant', 'cosine', 'step', 'exponential', 'polynomial', 'one-cycle', 'plateau'])
    .default('cosine')
    .describe('how the learning rate changes after the warm-up'),
  warmupEpochs: z.number().min(0).default(0).describe('epochs of linear rise from 0 to the peak; fractions allowed'),
  finalFraction: fraction.default(0).describe('final learning rate as a fraction of the peak'),
  factor: positive.max(1).optional().describe('step, exponential, plateau: what the rate is multiplied with'),
  everyEpochs: z.int().min(1).optional().describe('step: epochs between two multiplications'),
  milestones: z.array(z.int().min(1)).max(1000).optional().describe('step: epochs after which the rate is multiplied'),
  power: positive.optional().describe('polynomial: (1 - progress) to this power'),
  riseFraction: fraction.optional().describe('one-cycle: share of the run in which the rate rises'),
  startFraction: fraction.optional().describe('one-cycle: rate at the start as a fraction of the peak'),
  shape: z.enum(['cosine', 'linear']).optional().describe('one-cycle: form of rise and fall'),
  patience: z.int().min(0).optional().describe('plateau: epochs without improvement that are let pass'),
  cooldown: z.int().min(0).optional().describe('plateau: epochs after a reduction in which nothing is counted'),
  minDelta: z.number().min(0).optional().describe('plateau: how much the figure must fall to count'),
};

/** Fields that say something about some schedules only. */
const fieldsOfSchedules: Readonly<Record<string, readonly string[]>> = {
  factor: ['step', 'exponential', 'plateau'],
  everyEpochs: ['step'],
  milestones: ['step'],
  power: ['polynomial'],
  riseFraction: ['one-cycle'],
  startFraction: ['one-cycle'],
  shape: ['one-cycle'],
  patience: ['plateau'],
  cooldown: ['plateau'],
  minDelta: ['plateau'],
};

export const ScheduleConfig = z
  .strictObject(scheduleFields)
  .superRefine((schedule, context) => {
    for (const [field, names] of Object.entries(fieldsOfSchedules)) {
      if (schedule[field as keyof typeof schedule] === undefined || names.includes(schedule.name)) continue;
      context.addIssue({
        code: 'custom',
        path: [field],
        message: `only for ${names.join(', ')}, not for ${schedule.name}`,
      });
    }
    if (schedule.name === 'exponential' && schedule.factor === undefined) {
      context.addIssue({ code: 'custom', path: ['factor'], message: 'needed by exponential' });
    }
  })
  .meta({ id: 'ScheduleConfig' });
export type ScheduleConfig = z.infer<typeof ScheduleConfig>;

export const AveragingConfig = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('ema').describe('exponential moving average over the steps'),
      decay: decay.default(0.999).describe('share of the average that is kept at each step'),
      everySteps: z.int().min(1).default(1).describe('steps between two updates, each of which counts as so many'),
      warmUp: z.boolean().default(true).describe('begin with a smaller decay, min(decay, (1 + t) / (10 + t))'),
    }),
    z.strictObject({
      kind: z.literal('swa').describe('mean over the ends of epochs (Izmailov et al., arXiv:1803.05407)'),
      startEpoch: z.int().min(1).describe('the first epoch, from 1, whose end counts'),
      everyEpochs: z.int().min(1).default(1).describe('epochs between two that count'),
      statisticsBatches: z
        .int()
        .min(1)
        .default(64)
        .describe('training batches from which BatchNormalization statistics are estimated for the mean'),
    }),
  ])
  .meta({ id: 'AveragingConfig' });
export type AveragingConfig = z.infer<typeof AveragingConfig>;
