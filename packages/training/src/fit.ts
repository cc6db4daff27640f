/** Training: steps over shuffled batches, validation, schedule, early stop, checkpoints, cancellation. */
import { encodeModel, type Model, type Session } from '@verge/onnx';
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint, type Position } from './checkpoint.js';
import { TrainingError } from './errors.js';
import { checkFitOptions, packMasks, type FitOptions, type FitResult } from './fit-options.js';
import { Batches } from './loop/batches.js';
import { feedsOf, portsOf, type Batch, type Port } from './loop/feeds.js';
import { fingerprintOf } from './loop/fingerprint.js';
import { Journal } from './loop/journal.js';
import { dropoutSeed, stepsPerEpoch, type Plan } from './loop/plan.js';
import { checkedSets, labelledClasses, lossOf, type SampleSets } from './loop/setup.js';
import { Tally } from './loop/tally.js';
import { validate, type Validation } from './loop/validation.js';
import { inputTypeOf } from './loop/prepare.js';
import { immediate } from './pause.js';
import { checkCancelled } from './predict.js';
import type { Progress } from './progress.js';
import { learningRateAt } from './schedule.js';
import { TrainingState, type StepInput } from './state.js';
import { buildTrainingModel, type TrainingModel } from './training-model.js';

/** Best weights in a checkpoint carry this prefix. */
const BEST = 'best.';

class Run {
  readonly #o: FitOptions;
  readonly #sets: SampleSets;
  readonly #plan: Plan;
  readonly #training: TrainingModel;
  readonly #ports: ReadonlyMap<string, Port>;
  readonly #state: TrainingState;
  readonly #fingerprint: string;
  readonly #journal: Journal;
  readonly #tally: Tally;
  #position: Position = { epoch: 0, stepInEpoch: 0, step: 0 };
  #bestVectors = new Map<string, Float32Array>();
  #secondsBefore = 0;
  readonly #started = performance.now();

  constructor(options: FitOptions) {
    checkFitOptions(options);
    this.#o = options;
    const loss = lossOf(options);
    this.#sets = checkedSets(options);
    const { source } = this.#sets;
    const batch = Math.min(options.batchSize ?? 64, source.count);
    this.#plan = { seed: options.seed ?? 1, count: source.count, batch, epochs: options.epochs, block: source.block };
    this.#training = buildTrainingModel(options.model, {
      loss,
      optimizer: options.optimizer,
      batch,
      trainable: options.trainable,
      masked: options.masks !== undefined,
      mode: options.mode,
      maxGradientNorm: options.maxGradientNorm,
    });
    this.#ports = portsOf(this.#training.model);
    this.#sets.check(this.#training, loss);
    const mask = packMasks(this.#training.parameters, options.masks);
    this.#state = new TrainingState(this.#training, options.model, options.optimizer, mask);
    const keep = options.keep ?? (options.earlyStop ? 'best' : 'last');
    this.#journal = new Journal({ keep, earlyStop: options.earlyStop, monitor: options.monitor });
    this.#tally = new Tally(loss, this.#training.outputShape);
    this.#fingerprint = fingerprintOf(options, [this.#training.model], this.#state.vectors.values(), this.#plan);
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
      if (name.startsWith(BEST)) this.#bestVectors.set(name.slice(BEST.length), v);
  }

  get #seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#started) / 1000;
  }

  async #save(): Promise<void> {
    const best = [...this.#bestVectors].map(([name, v]) => [BEST + name, v] as const);
    await this.#o.saveCheckpoint?.(
      encodeCheckpoint({
        fingerprint: this.#fingerprint,
        position: this.#position,
        running: this.#tally.sums,
        ...this.#journal.books,
        seconds: this.#seconds,
        vectors: new Map([...this.#state.vectors, ...best]),
      }),
    );
  }

  #learningRate(step: number): number {
    const { optimizer, schedule = { name: 'cosine' }, epochs } = this.#o;
    const perEpoch = stepsPerEpoch(this.#plan);
    return learningRateAt(optimizer.learningRate, schedule, step, epochs * perEpoch, perEpoch);
  }

  /** What the step at the current position reads. */
  #input(batch: Batch): StepInput {
    const { step } = this.#position;
    return {
      feeds: feedsOf(batch, this.#training.input.name, this.#ports),
      learningRate: this.#learningRate(step),
      step: step + 1,
      dropoutSeed: dropoutSeed(this.#plan.seed, step),
    };
  }

  async #epoch(session: Session, batches: Batches): Promise<void> {
    const every = this.#o.checkpointEverySteps ?? Infinity;
    const steps = stepsPerEpoch(this.#plan);
    while (this.#position.stepInEpoch < steps) {
      checkCancelled(this.#o.signal, 'training');
      const batch = await batches.next();
      const { loss, output } = await this.#state.step(session, this.#input(batch));
      this.#tally.add(loss, output, batch);
      this.#position.stepInEpoch++;
      this.#position.step++;
      if (this.#position.step % every === 0 && this.#position.stepInEpoch < steps) await this.#save();
      await immediate();
    }
  }

  #validate(model: Model): Promise<Validation> {
    const { createSession, threads, signal, metrics } = this.#o;
    return validate(model, this.#sets.validation, { createSession, threads, signal, metrics, loss: lossOf(this.#o) });
  }

  /** Closes the epoch: validation, bookkeeping, report. */
  async #close(): Promise<Progress> {
    const validation = await this.#validate(this.#state.export());
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
    if (this.#journal.enter(progress, validation)) this.#bestVectors = this.#state.snapshot();
    this.#position = { epoch: epoch + 1, stepInEpoch: 0, step };
    this.#tally.restore({ loss: 0, correct: 0, seen: 0 });
    return progress;
  }

  async run(): Promise<FitResult> {
    const {
      createSession,
      threads = 1,
      epochs,
      onProgress,
      checkpointEvery = 1,
      augmentation,
      views,
      signal,
    } = this.#o;
    checkCancelled(signal, 'training');
    const bytes = encodeModel(this.#training.model);
    const session = await createSession(bytes, { threads, optimization: 'extended' });
    const { source } = this.#sets;
    const batches = new Batches(
      {
        source,
        plan: this.#plan,
        preparation: { shape: source.shape, dtype: inputTypeOf(this.#o.model), augmentation },
        views,
        augment: this.#o.augment,
        classes: labelledClasses(lossOf(this.#o), this.#training.outputShape),
        prefetch: this.#o.prefetch,
        threads,
        signal,
      },
      this.#position,
    );
    let stopped = this.#position.epoch > 0 && this.#journal.stops;
    try {
      while (this.#position.epoch < epochs && !stopped) {
        await this.#epoch(session, batches);
        const progress = await this.#close();
        stopped = this.#journal.stops;
        const last = this.#position.epoch === epochs || stopped;
        if (last || this.#position.epoch % checkpointEvery === 0) await this.#save();
        await onProgress?.(progress);
      }
    } finally {
      await batches.close();
      await session.release();
    }
    return this.#result(stopped && this.#position.epoch < epochs);
  }

  #result(stoppedEarly: boolean): FitResult {
    const { epoch, loss, accuracy, metrics = {} } = this.#journal.best;
    const model = this.#state.export(this.#bestVectors);
    return {
      model,
      bytes: encodeModel(model),
      history: this.#journal.history,
      epoch,
      stoppedEarly,
      steps: this.#position.step,
      seconds: this.#seconds,
      validation: { samples: this.#sets.validation.count, loss, accuracy },
      metrics,
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
