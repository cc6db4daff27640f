/** A run of local SGD: the common parameters, round by round, wherever the rounds are computed. */
import { createHash } from 'node:crypto';
import { encodeModel, type Model } from '@verge/onnx';
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from '../../checkpoint.js';
import { TrainingError } from '../../errors.js';
import { packMasks, type FitResult } from '../../fit-options.js';
import { fingerprintOf } from '../../loop/fingerprint.js';
import { Journal } from '../../loop/journal.js';
import { checkedSets, lossOf } from '../../loop/setup.js';
import { countOf } from '../../loop/source.js';
import { adapterValues } from '../../lora/adapt.js';
import { validate } from '../../loop/validation.js';
import type { Progress } from '../../progress.js';
import { learningRateAt } from '../../schedule.js';
import { TrainingState } from '../../state.js';
import { PARAMETERS, STATISTICS } from '../../step-parts.js';
import { asEvaluated, ownName, withTrained, type TrainingForm } from '../../transfer/form.js';
import { inTrainingForm } from '../../transfer/options.js';
import { parameterReport } from '../../transfer/report.js';
import { planSteps } from '../plan.js';
import { meanOf, outerStep } from './outer.js';
import { runRound, type RoundResult, type Vectors } from './round.js';
import { planLocal, stepsOfRound, type LocalOptions, type LocalPlan } from './spec.js';

const VELOCITY = 'outer.velocity';
const BEST = 'best.';
const SHARD = 'shard.';

/** The common parameters and running statistics in a run's checkpoint. @throws TrainingError `bad-checkpoint` */
export function commonOf(checkpoint: Uint8Array): Vectors {
  const { vectors } = decodeCheckpoint(checkpoint);
  const names = [PARAMETERS, STATISTICS].filter((name) => vectors.has(name));
  return new Map(names.map((name) => [name, vectors.get(name)!]));
}

/** The state that shards keep, by shard, as far as it is part of a run's checkpoint. */
function innerOf(checkpoint: Uint8Array): Map<number, Vectors> {
  const inner = new Map<number, Map<string, Float32Array>>();
  for (const [key, values] of decodeCheckpoint(checkpoint).vectors) {
    if (!key.startsWith(SHARD)) continue;
    const [shard, ...name] = key.slice(SHARD.length).split('.');
    const vectors = inner.get(Number(shard)) ?? new Map<string, Float32Array>();
    inner.set(Number(shard), vectors.set(name.join('.'), values));
  }
  return inner;
}

/** What a round leaves to the next: the shards' results without their optimisers' state, which stays where it is. */
export type RoundReport = Pick<RoundResult, 'common' | 'sums' | 'steps'> & {
  /** Time that the shard took, where it ran elsewhere. */
  readonly seconds?: number;
};

export class LocalRun {
  readonly #o: LocalOptions;
  readonly #form: TrainingForm;
  readonly #plan: LocalPlan;
  readonly #state: TrainingState;
  readonly #journal: Journal;
  readonly #fingerprint: string;
  #round = 0;
  #velocity: Float32Array;
  #best: Vectors = new Map();
  #secondsBefore = 0;
  readonly #started = performance.now();

  /** @throws TrainingError as `fit`; `bad-checkpoint` for bytes of another run in `resumeFrom` */
  constructor(given: LocalOptions) {
    const { options, form } = inTrainingForm(given);
    this.#o = options;
    this.#form = form;
    this.#plan = planLocal(options);
    const loss = lossOf(options);
    const steps = planSteps({ options, loss, batch: this.#plan.batch });
    checkedSets(options).check(steps.ports, loss);
    const mask = packMasks(steps.ports.parameters, options.masks);
    this.#state = new TrainingState(steps.ports, options.model, options.optimizer, mask);
    this.#velocity = new Float32Array(steps.ports.parameters.size);
    const keep = options.keep ?? (options.earlyStop ? 'best' : 'last');
    this.#journal = new Journal({ keep, earlyStop: options.earlyStop, monitor: options.monitor });
    const plan = { seed: options.seed ?? 1, batch: this.#plan.batch };
    const run = fingerprintOf(options, steps.models, this.#state.vectors.values(), plan);
    this.#fingerprint = createHash('sha256').update(run).update(JSON.stringify(options.local)).digest('hex');
    if (options.resumeFrom) this.#restore(decodeCheckpoint(options.resumeFrom));
  }

  /** Rounds that are over. */
  get round(): number {
    return this.#round;
  }

  get rounds(): number {
    return this.#plan.rounds;
  }

  get done(): boolean {
    return this.#round === this.#plan.rounds || (this.#round > 0 && this.#journal.stops);
  }

  /** Where the next round starts from. */
  get common(): Vectors {
    const names = [PARAMETERS, STATISTICS].filter((name) => this.#state.vectors.has(name));
    return new Map(names.map((name) => [name, this.#state.vectors.get(name)!]));
  }

  /**
   * Ends a round with the results of all shards, in their order: mean, outer step, validation.
   * @throws TrainingError `diverged` when the mean is no longer finite
   */
  async finish(reports: readonly RoundReport[]): Promise<Progress> {
    const of = (name: string): Float32Array[] => reports.map((r) => r.common.get(name)!);
    const mean = meanOf(of(PARAMETERS));
    if (!mean.every(Number.isFinite)) {
      throw new TrainingError('diverged', `the parameters of round ${this.#round + 1} are no longer finite`);
    }
    const { vectors } = this.#state;
    const next = outerStep(vectors.get(PARAMETERS)!, mean, this.#velocity, this.#o.local.outer);
    this.#velocity = next.velocity;
    vectors.set(PARAMETERS, next.parameters);
    if (vectors.has(STATISTICS)) vectors.set(STATISTICS, meanOf(of(STATISTICS)));
    return this.#enter(reports);
  }

  async #enter(reports: readonly RoundReport[]): Promise<Progress> {
    const { createSession, threads, signal, metrics, optimizer, schedule = { name: 'cosine' } } = this.#o;
    const loss = lossOf(this.#o);
    const model = asEvaluated(this.#form, this.#state.values(this.#state.snapshot()));
    const validation = await validate(model, this.#o.validation, { createSession, threads, signal, metrics, loss });
    const [, step] = stepsOfRound(this.#plan, this.#o.local, this.#round);
    const { totalSteps, stepsPerEpoch, rounds } = this.#plan;
    const total = (pick: (r: RoundReport) => number): number => reports.reduce((sum, r) => sum + pick(r), 0);
    const seen = total((r) => r.sums.seen);
    this.#round++;
    this.#secondsBefore += Math.max(0, ...reports.map((r) => r.seconds ?? 0));
    const progress: Progress = {
      epoch: this.#round,
      epochs: rounds,
      step,
      learningRate: learningRateAt(optimizer.learningRate, schedule, step - 1, totalSteps, stepsPerEpoch),
      trainLoss: total((r) => r.sums.loss) / total((r) => r.steps),
      trainAccuracy: seen === 0 ? 0 : total((r) => r.sums.correct) / seen,
      valLoss: validation.loss,
      valAccuracy: validation.accuracy,
      metrics: validation.metrics,
      seconds: this.#seconds,
    };
    if (this.#journal.enter(progress, validation)) this.#best = this.#state.snapshot();
    return progress;
  }

  get #seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#started) / 1000;
  }

  /**
   * All that the next rounds depend on.
   * @param inner the state that each shard keeps, where it does not lie elsewhere
   */
  checkpoint(inner: ReadonlyMap<number, Vectors> = new Map()): Uint8Array {
    const kept = [...inner].flatMap(([shard, vectors]) =>
      [...vectors].map(([name, v]) => [`${SHARD}${shard}.${name}`, v] as const),
    );
    const best = [...this.#best].map(([name, v]) => [BEST + name, v] as const);
    return encodeCheckpoint({
      fingerprint: this.#fingerprint,
      position: { epoch: this.#round, stepInEpoch: 0, step: stepsOfRound(this.#plan, this.#o.local, this.#round)[0] },
      running: { loss: 0, correct: 0, seen: 0 },
      ...this.#journal.books,
      seconds: this.#seconds,
      vectors: new Map([...this.common, [VELOCITY, this.#velocity], ...best, ...kept]),
    });
  }

  #restore(checkpoint: Checkpoint): void {
    if (checkpoint.fingerprint !== this.#fingerprint) {
      throw new TrainingError('bad-checkpoint', 'the checkpoint belongs to a run with another model, data or options');
    }
    this.#round = checkpoint.position.epoch;
    this.#journal.restore(checkpoint);
    this.#secondsBefore = checkpoint.seconds;
    this.#velocity = checkpoint.vectors.get(VELOCITY)!;
    for (const name of this.common.keys()) this.#state.vectors.set(name, checkpoint.vectors.get(name)!);
    const best = [...checkpoint.vectors].filter(([name]) => name.startsWith(BEST));
    this.#best = new Map(best.map(([name, v]) => [name.slice(BEST.length), v]));
  }

  /** Of the kept round; `epoch` counts rounds. */
  result(): FitResult {
    const { epoch, loss, accuracy, metrics = {} } = this.#journal.best;
    const [form, values] = [this.#form, this.#state.values(this.#best)];
    const model: Model = withTrained(form, values);
    const untied = [...(this.#o.untied ?? []), ...this.#form.untied];
    return {
      model,
      bytes: encodeModel(model),
      history: this.#journal.history,
      epoch,
      stoppedEarly: this.#round < this.#plan.rounds,
      steps: stepsOfRound(this.#plan, this.#o.local, this.#round)[0],
      seconds: this.#seconds,
      validation: { samples: countOf(this.#o.validation), loss, accuracy },
      metrics,
      parameters: parameterReport(form, this.#state.training.parameters, untied),
      repairs: [...(this.#o.repairs ?? []), ...form.repairs],
      assumed: form.assumed,
      ...(form.lora && { adapters: adapterValues(form.lora, values, (name) => ownName(name, form)) }),
    };
  }
}

/**
 * Trains by local SGD in this process, one shard after the other: the numbers of the same run on several hosts.
 * `checkpointEvery` counts rounds.
 * @throws TrainingError as `fit`
 */
export async function fitLocal(options: LocalOptions): Promise<FitResult> {
  const run = new LocalRun(options);
  const shards = Array.from({ length: options.local.shards }, (_, shard) => shard);
  const inner = options.resumeFrom ? innerOf(options.resumeFrom) : new Map<number, Vectors>();
  const { checkpointEvery = 1 } = options;
  while (!run.done) {
    const reports: RoundReport[] = [];
    for (const shard of shards) {
      const task = { round: run.round, shard, common: run.common, inner: inner.get(shard) };
      const result = await runRound(options, task);
      inner.set(shard, result.inner);
      reports.push(result);
    }
    const progress = await run.finish(reports);
    if (run.done || run.round % checkpointEvery === 0) await options.saveCheckpoint?.(run.checkpoint(inner));
    await options.onProgress?.(progress);
  }
  return run.result();
}
