/** Which way a run takes its steps. */
import { TrainingError } from '../errors.js';
import { planAccumulation } from './accumulate.js';
import { planReplicas } from './replicate.js';
import type { StepContext, StepPlan } from './stepper.js';
import { planWhole } from './whole.js';

/**
 * Plans the steps of a run: `accumulate` micro-batches of each of `parallel.replicas`.
 * @throws TrainingError `bad-options` when the batch cannot be cut into equal parts, and as `buildTrainingModel`
 */
export function planSteps(context: StepContext): StepPlan {
  const { accumulate: microBatches = 1, parallel } = context.options;
  const replicas = parallel?.replicas ?? 1;
  const parts = replicas * microBatches;
  if (context.batch % parts !== 0) {
    const what = `${replicas} replicas of ${microBatches} micro-batches`;
    throw new TrainingError('bad-options', `fit: a batch of ${context.batch} rows is not cut evenly by ${what}`);
  }
  if (parallel) return planReplicas(context, { replicas, microBatches });
  return microBatches > 1 ? planAccumulation(context, microBatches) : planWhole(context);
}
