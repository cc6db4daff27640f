/** Training in shards that seldom exchange their parameters. */
import { z } from 'zod';

export const LocalSgdConfig = z
  .strictObject({
    shards: z.int().min(1).max(1024).describe('parts of the training samples; in the cloud any worker takes any part'),
    localSteps: z.int().min(1).max(1_000_000).describe('steps of each shard between two means'),
    outer: z
      .strictObject({
        learningRate: z.number().positive().max(10).default(1).describe('share of the way to the mean that is gone'),
        momentum: z.number().min(0).lt(1).default(0).describe('share of the last outer step that is kept'),
        nesterov: z.boolean().default(false).describe('look ahead along the momentum'),
      })
      .default({ learningRate: 1, momentum: 0, nesterov: false })
      .describe('how the common parameters follow the mean; left out, they become the mean'),
    innerState: z
      .enum(['keep', 'reset'])
      .default('keep')
      .describe("whether a shard's optimiser goes on in its next round, or begins anew and nothing of it travels"),
  })
  .meta({ id: 'LocalSgdConfig' });
export type LocalSgdConfig = z.infer<typeof LocalSgdConfig>;
