/** Data parallel training: every replica differentiates its part of the batch and updates its part of the parameters. */
import {
  elementCount,
  encodeModel,
  type Model,
  type ReplicaPool,
  type ReplicaSpec,
  type ReplicaUpdate,
  type ReplicaVector,
  type Tensor,
} from '@verge/onnx';
import { DROPOUT_SEED } from '../gradients/dropout.js';
import { isElementwise, scalarFeeds, type OptimizerSpec } from '../optimizers.js';
import { buildUpdateModel, GRADIENT, GRADIENT_SCALE, type Range, type SplitStep } from '../split-step.js';
import type { StepInput, StepResult, TrainingState } from '../state.js';
import { LOSS, MASK, OUTPUT, STATISTICS } from '../step-parts.js';
import { inBlocks, portsOfBatch, splitForParts } from './accumulate.js';
import { shardRanges } from './ranges.js';
import { partOf, seedOfPart } from './rows.js';
import { checkFinite, type StepContext, type StepPlan, type Stepper } from './stepper.js';

interface Division {
  readonly replicas: number;
  /** Micro-batches of each replica. */
  readonly microBatches: number;
}

class ReplicatedStepper implements Stepper {
  constructor(
    private readonly state: TrainingState,
    private readonly pool: ReplicaPool,
    private readonly optimizer: OptimizerSpec,
    private readonly division: Division,
    private readonly dropout: boolean,
  ) {}

  async step(input: StepInput): Promise<StepResult> {
    const { replicas, microBatches } = this.division;
    const parts = replicas * microBatches;
    const part = (i: number): Record<string, Tensor> => ({
      ...partOf(input.feeds, i, parts),
      ...(this.dropout && { [DROPOUT_SEED]: seedOfPart(input.dropoutSeed, i) }),
    });
    const feeds = Array.from({ length: replicas }, (_, r) =>
      Array.from({ length: microBatches }, (_, m) => part(r * microBatches + m)),
    );
    const scalars = scalarFeeds(this.optimizer, input.learningRate, input.step);
    const result = await this.pool.step({ feeds, scalars });
    checkFinite(result.loss, input.step);
    // The replicas have replaced the vectors where they lie.
    this.state.advance((name) => this.pool.vectors.get(name)!, input.step);
    return result;
  }

  release(): Promise<void> {
    return this.pool.close();
  }
}

function specOf(
  split: SplitStep,
  context: StepContext,
  division: Division,
  updates: readonly ReplicaUpdate[],
  state: TrainingState,
): ReplicaSpec {
  const vectors = state.stepped.map((name): ReplicaVector => {
    return { name, initial: state.vectors.get(name)!, kind: name === STATISTICS ? 'averaged' : 'sharded' };
  });
  return {
    gradientModel: encodeModel(split.gradient),
    gradient: GRADIENT,
    scale: GRADIENT_SCALE,
    loss: LOSS,
    output: OUTPUT,
    outputSize: elementCount(split.outputShape),
    vectors,
    size: split.parameters.size,
    ...(state.mask && { mask: { name: MASK, values: state.mask } }),
    updates,
    microBatches: division.microBatches,
    maxGradientNorm: context.options.maxGradientNorm,
    threads: context.options.threads ?? 1,
  };
}

/** A step of replicas that run at once. */
export function planReplicas(context: StepContext, division: Division): StepPlan {
  const { optimizer, masks, maxGradientValue, parallel } = context.options;
  const parts = division.replicas * division.microBatches;
  const split = splitForParts(context, parts);
  const ranges = shardRanges(split.parameters, division.replicas, !isElementwise(optimizer));
  const models = ranges.map((range: Range): Model | undefined =>
    range.from < range.to
      ? buildUpdateModel(split.parameters, { optimizer, masked: masks !== undefined, maxGradientValue }, range)
      : undefined,
  );
  return {
    ...portsOfBatch(split, parts),
    models: [split.gradient, ...models.filter((m) => m !== undefined)],
    open: async (state) => {
      const updates = ranges.map((range, i) => ({ ...range, model: models[i] && encodeModel(models[i]) }));
      const own = await inBlocks(context, parts, split);
      const pool = await parallel!.openReplicas(specOf(own, context, division, updates, state));
      return new ReplicatedStepper(state, pool, optimizer, division, split.needsDropoutSeed);
    },
  };
}
