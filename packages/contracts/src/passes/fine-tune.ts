/** Training after a pass that changed the network. */
import { z } from 'zod';
import { DistillationConfig, OptimizerConfig } from '../training-config.js';

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
    distillation: DistillationConfig.pick({ temperature: true, alpha: true, hints: true, attention: true })
      .optional()
      .describe('learn from the model that was given as well as from the labels'),
    seed: z.int().min(0).default(1).describe('same seed, same bytes'),
  })
  .meta({ id: 'FineTune' });
