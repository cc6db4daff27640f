/** Training: steps over shuffled batches, validation, schedule, early stop, checkpoints, cancellation. */
import {
  belongsOnShelf,
  encodeModel,
  type Model,
  openShelved,
  type Scratch,
  type Session,
  shelfOpener,
  shelve,
} from '@verge/onnx';
import { checkpointPieces, decodeCheckpoint, encodeCheckpoint, type Checkpoint, type Position } from './checkpoint.js';
import { TrainingError } from './errors.js';
import { packMasks, type FitOptions, type FitResult } from './fit-options.js';
import { Batches } from './loop/batches.js';
import { checkFitOptions } from './loop/check.js';
import { feedsOf, type Batch } from './loop/feeds.js';
import { fingerprintOf } from './loop/fingerprint.js';
import { Journal } from './loop/journal.js';
import { dropoutSeed, stepsPerEpoch, type Plan } from './loop/plan.js';
import { checkedSets, labelledClasses, lossOf, type SampleSets } from './loop/setup.js';
import { takeSteps } from './loop/take.js';
import { Tally } from './loop/tally.js';
import { validate, type Validation } from './loop/validation.js';
import { preparationOf } from './loop/prepare.js';
import { planSteps } from './parallel/plan.js';
import type { Feeds } from './parallel/rows.js';
import { STEP_SESSION, type StepPlan, type Stepper } from './parallel/stepper.js';
import { buildStatisticsModel, estimateStatistics } from './optimizers/statistics.js';
import { immediate } from './pause.js';
import { checkCancelled } from './predict.js';
import type { Progress } from './progress.js';
import { learningRateAt } from './schedule.js';
import { TrainingState, type StepInput } from './state.js';
import { adapterValues } from './lora/adapt.js';
import { asEvaluated, ownName, withTrained, type TrainingForm } from './transfer/form.js';
import { inTrainingForm } from './transfer/options.js';
import { parameterReport, type ParameterLine } from './transfer/report.js';

/** Best weights in a checkpoint carry this prefix. */
const BEST = 'best.';

class Run {
  #o: FitOptions;
  #form: TrainingForm;
  readonly #sets: SampleSets;
  readonly #plan: Plan;
  readonly #steps: Pick<StepPlan, 'ports' | 'feeds'>;
  /** Plans the first session; gone once it is open, with what it holds. */
  #opening: StepPlan | undefined;
  /** Opens it again, where it goes while another session is open: it has large constants. */
  #again: (() => Promise<Stepper>) | undefined;
  #stepper: Stepper | undefined;
  readonly #keep: 'best' | 'last';
  /** What becomes of each parameter. */
  readonly #parameters: readonly ParameterLine[];
  /** Where the constants of a large model go. */
  readonly #shelf?: Scratch;
  readonly #state: TrainingState;
  readonly #fingerprint: string;
  readonly #journal: Journal;
  readonly #tally: Tally;
  #position: Position = { epoch: 0, stepInEpoch: 0, step: 0 };
  #bestVectors = new Map<string, Float32Array>();
  #secondsBefore = 0;
  readonly #started = performance.now();

  constructor(given: FitOptions) {
    const { options, form } = inTrainingForm(given);
    checkFitOptions(options);
    this.#o = options;
    this.#form = form;
    const loss = lossOf(options);
    this.#sets = checkedSets(options);
    const { source } = this.#sets;
    const batch = Math.min(options.batchSize ?? 64, source.count);
    this.#plan = { seed: options.seed ?? 1, count: source.count, batch, epochs: options.epochs, block: source.block };
    const { scratch } = options;
    const large = belongsOnShelf(scratch, form.separated);
    if (large) this.#shelf = scratch;
    // The constants of a Loop's body cannot be mapped.
    const steps = planSteps({ options: large ? { ...options, together: 1 } : options, loss, batch });
    const { ports, models, feeds } = steps;
    this.#steps = { ports, feeds };
    this.#opening = steps;
    this.#sets.check(ports, loss);
    this.#state = new TrainingState(
      ports,
      options.model,
      options.optimizer,
      packMasks(ports.parameters, options.masks),
      options.averaging,
    );
    this.#keep = options.keep ?? (options.earlyStop ? 'best' : 'last');
    const { earlyStop, monitor, schedule } = options;
    this.#journal = new Journal({ keep: this.#keep, earlyStop, monitor, schedule });
    this.#parameters = parameterReport(form, ports.parameters, [...(options.untied ?? []), ...form.untied]);
    this.#tally = new Tally(loss, ports.outputShape);
    this.#fingerprint = fingerprintOf(options, models, this.#state.vectors.values(), this.#plan);
    if (options.resumeFrom) this.#restore(decodeCheckpoint(options.resumeFrom));
  }

  #restore(checkpoint: Checkpoint): void {
    if (checkpoint.fingerprint !== this.#fingerprint) {
      throw new TrainingError('bad-checkpoint', 'the checkpoint belongs to a run with another model, data or options');
    }
    this.#position = { ...checkpoint.position };
    this.#tally.restore(checkpoint.running);
    this.#journal.restore(checkpoint);
    this.#secondsBefore = checkpoint.seconds;
    for (const name of this.#state.vectors.keys()) this.#state.vectors.set(name, checkpoint.vectors.get(name)!);
    for (const [name, v] of checkpoint.vectors)
      if (this.#keep === 'best' && name.startsWith(BEST)) this.#bestVectors.set(name.slice(BEST.length), v);
  }

  get #seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#started) / 1000;
  }

  async #save(): Promise<void> {
    const { saveCheckpoint, saveCheckpointPieces } = this.#o;
    if (!saveCheckpoint && !saveCheckpointPieces) return;
    const best = [...this.#bestVectors].map(([name, v]) => [BEST + name, v] as const);
    const checkpoint: Checkpoint = {
      fingerprint: this.#fingerprint,
      position: this.#position,
      running: this.#tally.sums,
      ...this.#journal.books,
      seconds: this.#seconds,
      vectors: new Map([...this.#state.vectors, ...best]),
    };
    await saveCheckpointPieces?.(checkpointPieces(checkpoint));
    await saveCheckpoint?.(encodeCheckpoint(checkpoint));
  }

  /** How the arrays of a snapshot go into a model: copied, unless it is large; nothing changes them while it is used. */
  get #hold(): 'copies' | 'given' {
    return this.#shelf ? 'given' : 'copies';
  }

  /** The best parameters so far; those of the last epoch are the state's. */
  get #best(): Map<string, Float32Array> {
    return this.#keep === 'best' ? this.#bestVectors : this.#state.now;
  }

  #learningRate(step: number): number {
    const { optimizer, schedule = { name: 'cosine' }, epochs } = this.#o;
    const perEpoch = stepsPerEpoch(this.#plan);
    return learningRateAt(optimizer.learningRate, schedule, step, epochs * perEpoch, perEpoch, this.#journal.plateau);
  }

  /** What a step reads, counted from 0. */
  #input(batch: Batch, step: number): StepInput {
    return {
      feeds: feedsOf(batch, this.#steps.ports.input.name, this.#steps.feeds),
      learningRate: this.#learningRate(step),
      step: step + 1,
      dropoutSeed: dropoutSeed(this.#plan.seed, step),
    };
  }

  async #epoch(stepper: Stepper, batches: Batches): Promise<void> {
    const every = this.#o.checkpointEverySteps ?? Infinity;
    const steps = stepsPerEpoch(this.#plan);
    const inputOf = (batch: Batch, i: number): StepInput => this.#input(batch, this.#position.step + i);
    const taking = { stepper, batches, tally: this.#tally, inputOf, signal: this.#o.signal };
    while (this.#position.stepInEpoch < steps) {
      const { step, stepInEpoch } = this.#position;
      const count = await takeSteps(taking, Math.min(steps - stepInEpoch, every - (step % every)));
      this.#position.stepInEpoch += count;
      this.#position.step += count;
      if (this.#position.step % every === 0 && this.#position.stepInEpoch < steps) await this.#save();
      await immediate();
    }
  }

  #validate(model: Model): Promise<Validation> {
    const { createSession, threads, signal, metrics } = this.#o;
    const open = this.#shelf && shelfOpener(createSession, this.#shelf);
    const how = { createSession, threads, signal, metrics, open };
    return validate(model, this.#sets.validation, { ...how, loss: lossOf(this.#o) });
  }

  /** Closes the epoch: validation, bookkeeping, report. */
  async #close(): Promise<Progress> {
    const validation = await this.#validate(asEvaluated(this.#form, this.#state.values(this.#state.now), this.#hold));
    const { epoch, step } = this.#position;
    const progress: Progress = {
      epoch: epoch + 1,
      epochs: this.#o.epochs,
      step,
      learningRate: this.#learningRate(step - 1),
      trainLoss: this.#tally.sums.loss / stepsPerEpoch(this.#plan),
      trainAccuracy: this.#tally.accuracy,
      valLoss: validation.loss,
      valAccuracy: validation.accuracy,
      metrics: validation.metrics,
      seconds: this.#seconds,
    };
    if (this.#journal.enter(progress, validation) && this.#keep === 'best') this.#bestVectors = this.#state.snapshot();
    this.#position = { epoch: epoch + 1, stepInEpoch: 0, step };
    this.#tally.restore({ loss: 0, correct: 0, seen: 0 });
    return progress;
  }

  /** The batches from a position to the end of the run. */
  #batches(position: Position, prefetch = this.#o.prefetch): Batches {
    const { source } = this.#sets;
    const { model, augmentation, augment, views, threads = 1, parallel, signal } = this.#o;
    return new Batches(
      {
        source,
        plan: this.#plan,
        preparation: preparationOf(model, source, augmentation),
        views,
        augment,
        classes: labelledClasses(lossOf(this.#o), this.#steps.ports.outputShape),
        prefetch,
        threads: threads * (parallel?.replicas ?? 1),
        signal,
      },
      position,
    );
  }

  /** BatchNormalization statistics of other parameters than the current ones, from batches of the epoch that ends. */
  async #statistics(parameters: Float32Array): Promise<Float32Array> {
    const { averaging, model, createSession, threads } = this.#o;
    const { ports, feeds } = this.#steps;
    const wanted = (averaging?.kind === 'swa' ? averaging.statisticsBatches : undefined) ?? 64;
    const count = Math.min(wanted, stepsPerEpoch(this.#plan));
    const again = this.#batches({ ...this.#position, stepInEpoch: 0 }, false);
    const names = [ports.input, ...ports.others].map((port) => port.name);
    const inputs = async function* (): AsyncGenerator<Feeds> {
      for (let i = 0; i < count; i++) {
        const all = feedsOf(await again.next(), ports.input.name, feeds);
        yield Object.fromEntries(names.flatMap((name) => (all[name] ? [[name, all[name]]] : [])));
      }
    };
    const graph = buildStatisticsModel(model, this.#plan.batch, ports);
    try {
      return await estimateStatistics(model, graph, ports, parameters, inputs(), createSession, threads);
    } finally {
      await again.close();
    }
  }

  /** Epochs until the last one, or until the run stops early. @returns whether it did */
  async #train(batches: Batches): Promise<boolean> {
    const { epochs, onProgress, checkpointEvery = 1 } = this.#o;
    let stopped = this.#position.epoch > 0 && this.#journal.stops;
    while (this.#position.epoch < epochs && !stopped) {
      this.#stepper ??= await this.#again!();
      await this.#epoch(this.#stepper, batches);
      await this.#rest();
      await this.#state.endEpoch(this.#position.epoch + 1, (parameters) => this.#statistics(parameters));
      const progress = await this.#close();
      stopped = this.#journal.stops;
      const last = this.#position.epoch === epochs || stopped;
      if (last || this.#position.epoch % checkpointEvery === 0) await this.#save();
      await onProgress?.(progress);
    }
    return stopped && this.#position.epoch < epochs;
  }

  async #open(): Promise<Stepper> {
    const steps = this.#opening!;
    this.#opening = undefined;
    const prepared = this.#shelf && (await steps.prepare?.(this.#state));
    if (!prepared) return steps.open(this.#state);
    const [graph, { stepper }] = [this.#shelve(prepared.graph), prepared];
    // Two sessions of a large model hold its weights twice, and a kernel's packed form of them besides.
    if (belongsOnShelf(this.#o.scratch, graph)) this.#again = () => this.#openOn(graph, stepper);
    return this.#openOn(graph, stepper);
  }

  async #rest(): Promise<void> {
    if (!this.#again) return;
    await this.#stepper?.release();
    this.#stepper = undefined;
  }

  /** Apart from what is large and was given: nothing here may hold that. */
  async #openOn(graph: Model, stepper: (session: Session) => Stepper): Promise<Stepper> {
    const { threads, createSession } = this.#o;
    return stepper(await openShelved(createSession, graph, { threads, ...STEP_SESSION }, this.#shelf!));
  }

  /** Puts the constants of the run's models, and of a graph, where they are read when they are needed. */
  #shelve(graph: Model): Model {
    const { lora } = this.#form;
    const { separated: parts, model: whole } = this.#form;
    const [step, separated, model, plain] = shelve([graph, parts, whole, lora?.plain ?? whole], this.#shelf!);
    this.#form = {
      ...this.#form,
      separated: separated!,
      model: model!,
      ...(lora && { lora: { ...lora, model: model!, plain: plain! } }),
    };
    this.#o = { ...this.#o, model: model! };
    this.#state.keepAs(model!);
    return step!;
  }

  async run(): Promise<FitResult> {
    checkCancelled(this.#o.signal, 'training');
    const batches = this.#batches(this.#position);
    try {
      this.#stepper = await this.#open();
      batches.takenTogether(this.#stepper.together ?? 1);
      try {
        return this.#result(await this.#train(batches));
      } finally {
        await this.#stepper?.release();
      }
    } finally {
      await batches.close();
    }
  }

  #result(stoppedEarly: boolean): FitResult {
    const { epoch, loss, accuracy, metrics = {} } = this.#journal.best;
    const [form, values] = [this.#form, this.#state.values(this.#best)];
    const model = withTrained(form, values, this.#hold);
    let bytes: Uint8Array | undefined;
    return {
      model,
      get bytes() {
        return (bytes ??= encodeModel(model));
      },
      history: this.#journal.history,
      epoch,
      stoppedEarly,
      steps: this.#position.step,
      seconds: this.#seconds,
      validation: { samples: this.#sets.validation.count, loss, accuracy },
      metrics,
      parameters: this.#parameters,
      repairs: [...(this.#o.repairs ?? []), ...form.repairs],
      assumed: form.assumed,
      ...(form.lora && { adapters: adapterValues(form.lora, values, (name) => ownName(name, form)) }),
    };
  }
}

/**
 * Trains a model.
 * @throws TrainingError `bad-options`, `bad-samples`, `bad-model`, `no-gradient` before anything runs; `bad-checkpoint` for
 *   bytes of another run; `diverged` and `cancelled` while it runs
 */
export async function fit(options: FitOptions): Promise<FitResult> {
  return new Run(options).run();
}
