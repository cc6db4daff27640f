/**
 * Training by hosts that seldom talk: every shard takes many steps alone, then their results are averaged and an outer
 * optimiser moves the common parameters towards the mean (Stich, "Local SGD Converges Fast and Communicates Little",
 * arXiv:1805.09767; Douillard et al., "DiLoCo", arXiv:2311.08105).
 */
import { refuse, TrainingError } from '../../errors.js';
import type { FitOptions } from '../../fit-options.js';
import { checkFitOptions } from '../../loop/check.js';
import { countOf } from '../../loop/source.js';

export interface OuterSpec {
  /** 1 and no momentum: the plain mean. */
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
}

export interface LocalSgdSpec {
  /** Parts of the training samples, each trained by one job at a time. */
  readonly shards: number;
  /** Steps of a shard between two means. */
  readonly localSteps: number;
  readonly outer: OuterSpec;
  /**
   * `keep`: a shard's optimiser state goes on in its next round, as DiLoCo does it, and travels with the parameters.
   * `reset`: it begins anew in every round, and nothing but parameters travels.
   */
  readonly innerState: 'keep' | 'reset';
}

/** What a run of local SGD takes from `FitOptions`. */
export type LocalOptions = Omit<FitOptions, 'views' | 'averaging' | 'parallel' | 'checkpointEverySteps'> & {
  readonly local: LocalSgdSpec;
};

export interface LocalPlan {
  /** Rows of an inner update. */
  readonly batch: number;
  readonly rounds: number;
  /** Inner steps of each shard over the whole run. */
  readonly totalSteps: number;
  /** Inner steps of a shard for one pass over its samples. */
  readonly stepsPerEpoch: number;
}

/** @throws TrainingError `bad-options` naming every bad option */
export function planLocal(options: LocalOptions): LocalPlan {
  checkFitOptions(options);
  const { shards, localSteps, outer } = options.local;
  const whole = (value: number): boolean => Number.isInteger(value) && value >= 1;
  const problems: string[] = [];
  if (!whole(shards)) problems.push(`local.shards: expected a whole number from 1, not ${shards}`);
  if (!whole(localSteps)) problems.push(`local.localSteps: expected a whole number from 1, not ${localSteps}`);
  if (!(outer.learningRate > 0)) problems.push(`local.outer.learningRate: expected a number above 0`);
  if (!(outer.momentum >= 0 && outer.momentum < 1)) problems.push('local.outer.momentum: expected 0 to below 1');
  if (options.schedule?.name === 'plateau') problems.push('schedule: plateau needs a validation after every epoch');
  refuse('bad-options', 'local SGD', problems);
  const count = Math.floor(countOf(options.train) / shards);
  if (count === 0) throw new TrainingError('bad-samples', `${shards} shards of ${countOf(options.train)} samples`);
  const batch = Math.min(options.batchSize ?? 64, count);
  const stepsPerEpoch = Math.floor(count / batch);
  const totalSteps = options.epochs * stepsPerEpoch;
  return { batch, rounds: Math.ceil(totalSteps / localSteps), totalSteps, stepsPerEpoch };
}

/** Inner steps [from, to) of a round, counted over the whole run. */
export function stepsOfRound({ totalSteps }: LocalPlan, { localSteps }: LocalSgdSpec, round: number): [number, number] {
  const at = (r: number): number => Math.min(r * localSteps, totalSteps);
  return [at(round), at(round + 1)];
}
