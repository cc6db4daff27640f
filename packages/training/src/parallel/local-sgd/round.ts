/** One shard's part of a round: steps from the common parameters, a pure function of what it is given. */
import { checkedSets, labelledClasses, lossOf } from '../../loop/setup.js';
import { Batches } from '../../loop/batches.js';
import { feedsOf, type Batch } from '../../loop/feeds.js';
import { packMasks } from '../../fit-options.js';
import { dropoutSeed, stepsPerEpoch, type Plan } from '../../loop/plan.js';
import { preparationOf } from '../../loop/prepare.js';
import { countOf } from '../../loop/source.js';
import { takeSteps } from '../../loop/take.js';
import { Tally } from '../../loop/tally.js';
import { immediate } from '../../pause.js';
import { Random } from '../../random.js';
import { learningRateAt } from '../../schedule.js';
import { TrainingState, type StepInput } from '../../state.js';
import { TrainingError } from '../../errors.js';
import { PARAMETERS, STATISTICS } from '../../step-parts.js';
import { inTrainingForm } from '../../transfer/options.js';
import { planSteps } from '../plan.js';
import { shardIndices, subsetOf } from './shards.js';
import { planLocal, stepsOfRound, type LocalOptions } from './spec.js';

export type Vectors = ReadonlyMap<string, Float32Array>;

export interface RoundTask {
  /** Counted from 0, like `shard`. */
  readonly round: number;
  readonly shard: number;
  /** The common parameters and running statistics. */
  readonly common: Vectors;
  /** The optimiser state that the shard ended its last round with; absent in the first. */
  readonly inner?: Vectors;
}

export interface RoundResult {
  /** Parameters and running statistics. */
  readonly common: Vectors;
  /** The optimiser's state, where it is kept. */
  readonly inner: Vectors;
  /** Sum over the steps, and right answers of all. */
  readonly sums: { readonly loss: number; readonly correct: number; readonly seen: number };
  readonly steps: number;
}

/** Puts vectors where the state has vectors of these names and sizes. */
function install(state: TrainingState, vectors: Vectors): void {
  for (const [name, values] of vectors) {
    if (state.vectors.get(name)?.length !== values.length) {
      throw new TrainingError('bad-checkpoint', `'${name}' (${values.length} elements) is no vector of this model`);
    }
    state.vectors.set(name, values);
  }
}

function select(state: TrainingState, wanted: (name: string) => boolean): Vectors {
  return new Map(state.stepped.filter(wanted).map((name) => [name, state.vectors.get(name)!.slice()]));
}

const isCommon = (name: string): boolean => name === PARAMETERS || name === STATISTICS;

/**
 * Trains one shard for one round. The same task gives the same bytes, so a job that was lost can be run again.
 * @throws TrainingError as `fit`, and `bad-checkpoint` for vectors of another model
 */
export async function runRound(given: LocalOptions, task: RoundTask): Promise<RoundResult> {
  const { options } = inTrainingForm(given);
  const plan = planLocal(options);
  const { seed = 1, local, augmentation, threads = 1, signal, schedule = { name: 'cosine' }, optimizer } = options;
  const loss = lossOf(options);
  const indices = shardIndices(seed, countOf(options.train), task.shard, local.shards);
  const source = subsetOf(options.train, indices);
  const steps = planSteps({ options, loss, batch: plan.batch });
  checkedSets({ ...options, train: source }).check(steps.ports, loss);
  const state = new TrainingState(
    steps.ports,
    options.model,
    optimizer,
    packMasks(steps.ports.parameters, options.masks),
  );
  install(state, task.common);
  if (task.inner) install(state, task.inner);

  const own: Plan = {
    seed: new Random(seed, 'shard', task.shard).uint32(),
    count: source.count,
    batch: plan.batch,
    epochs: options.epochs + 1,
  };
  const [from, to] = stepsOfRound(plan, local, task.round);
  const perEpoch = stepsPerEpoch(own);
  const position = { epoch: Math.floor(from / perEpoch), stepInEpoch: from % perEpoch, step: from };
  const classes = labelledClasses(loss, steps.ports.outputShape);
  const preparation = preparationOf(options.model, source, augmentation);
  const batches = new Batches(
    { source, plan: own, preparation, augment: options.augment, classes, prefetch: options.prefetch, threads, signal },
    position,
  );
  const tally = new Tally(loss, steps.ports.outputShape);
  const stepper = await steps.open(state);
  batches.takenTogether(stepper.together ?? 1);
  try {
    let step = from;
    const inputOf = (batch: Batch, i: number): StepInput => ({
      feeds: feedsOf(batch, steps.ports.input.name, steps.feeds),
      learningRate: learningRateAt(optimizer.learningRate, schedule, step + i, plan.totalSteps, plan.stepsPerEpoch),
      // What an optimiser corrects for the length of its history begins anew with it.
      step: (local.innerState === 'keep' ? step : step - from) + i + 1,
      dropoutSeed: dropoutSeed(own.seed, step + i),
    });
    while (step < to) {
      step += await takeSteps({ stepper, batches, tally, inputOf, signal }, to - step);
      await immediate();
    }
  } finally {
    await batches.close();
    await stepper.release();
  }
  return {
    common: select(state, isCommon),
    inner: local.innerState === 'keep' ? select(state, (name) => !isCommon(name)) : new Map(),
    sums: tally.sums,
    steps: to - from,
  };
}
