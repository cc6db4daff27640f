/** Which way a run takes its steps. */
import { encodeModel } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import { portsOf } from '../loop/feeds.js';
import { buildTrainingModel, type TrainingModel } from '../training-model.js';
import { planAccumulation } from './accumulate.js';
import { planReplicas } from './replicate.js';
import { blockOf, type StepContext, type StepPlan } from './stepper.js';

function planWhole({ options, loss, batch }: StepContext): StepPlan {
  const { model, createSession, masks, threads } = options;
  const { optimizer, trainable, mode, maxGradientNorm, maxGradientValue, companion } = options;
  const build = (block?: number): TrainingModel =>
    buildTrainingModel(model, {
      loss,
      optimizer,
      batch,
      trainable,
      masked: masks !== undefined,
      mode,
      maxGradientNorm,
      maxGradientValue,
      companion,
      block,
    });
  const training = build();
  return {
    ports: training,
    feeds: portsOf(training.model),
    models: [training.model],
    open: async (state) => {
      const block = await blockOf(options);
      const graph = (block > 0 ? build(block) : training).model;
      const session = await createSession(encodeModel(graph), { threads, optimization: 'extended' });
      return { step: (input) => state.step(session, input), release: () => session.release() };
    },
  };
}

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
