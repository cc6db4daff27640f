/** Which samples each step reads, and what is random about it: functions of the seed and the position alone. */
import type { Position } from '../checkpoint.js';
import { Random } from '../random.js';
import { epochOrder } from './order.js';

export interface Plan {
  readonly seed: number;
  readonly count: number;
  readonly batch: number;
  readonly epochs: number;
  /** See `SampleSource.block`. */
  readonly block?: number;
}

export const stepsPerEpoch = ({ count, batch }: Pick<Plan, 'count' | 'batch'>): number => Math.floor(count / batch);

/** What is read for one step. */
export interface BatchRequest {
  readonly epoch: number;
  readonly indices: Int32Array;
  /** Seed of everything that is random about this batch's samples. */
  readonly seed: number;
}

/** The requests of the run from a position to its end. */
export function* requestsFrom(
  plan: Plan,
  { epoch, stepInEpoch }: Pick<Position, 'epoch' | 'stepInEpoch'>,
): Generator<BatchRequest> {
  const steps = stepsPerEpoch(plan);
  let step = stepInEpoch;
  for (let e = epoch; e < plan.epochs; e++, step = 0) {
    const order = epochOrder(plan.seed, e, plan.count, plan.block);
    for (; step < steps; step++) {
      const indices = order.subarray(step * plan.batch, (step + 1) * plan.batch);
      yield { epoch: e, indices, seed: new Random(plan.seed, 'augment', e, step).uint32() };
    }
  }
}

export const dropoutSeed = (seed: number, step: number): number => new Random(seed, 'dropout', step).uint32();
