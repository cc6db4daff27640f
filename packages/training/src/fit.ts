/** Mini-batch training: shuffling, steps, validation, schedule, early stop, checkpoints, cancellation. */
import { createHash } from 'node:crypto';
import { augmentBatch } from '@verge/data';
import { elementCount, encodeModel, type Model, type Session } from '@verge/onnx';
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from './checkpoint.js';
import { TrainingError } from './errors.js';
import { checkFitOptions, packMasks, type FitOptions, type FitResult } from './fit-options.js';
import { immediate } from './pause.js';
import { largest, predict, score, scoreTargets, type Score } from './predict.js';
import type { Progress } from './progress.js';
import { Random } from './random.js';
import { checkTrainingSamples, gatherBatch, gatherRows } from './samples.js';
import { learningRateAt } from './schedule.js';
import { TrainingState, type StepInput } from './state.js';
import { buildTrainingModel, type TrainingModel } from './training-model.js';

/** Best weights in a checkpoint carry this prefix. */
const BEST = 'best.';

class Run {
  readonly #o: FitOptions;
  readonly #training: TrainingModel;
  readonly #state: TrainingState;
  readonly #fingerprint: string;
  readonly #batch: number;
  readonly #stepsPerEpoch: number;
  readonly #seed: number;
  #position = { epoch: 0, stepInEpoch: 0, step: 0 };
  #running = { loss: 0, correct: 0, seen: 0 };
  #history: Progress[] = [];
  #best: Checkpoint['best'] = null;
  #bestVectors = new Map<string, Float32Array>();
  #patience: Checkpoint['patience'] = { loss: null, epochs: 0 };
  #secondsBefore = 0;
  readonly #started = performance.now();

  constructor(options: FitOptions) {
    checkFitOptions(options);
    checkTrainingSamples(options.train, 'training samples');
    checkTrainingSamples(options.validation, 'validation samples');
    this.#o = options;
    this.#seed = options.seed ?? 1;
    this.#batch = Math.min(options.batchSize ?? 64, options.train.y.length);
    this.#stepsPerEpoch = Math.floor(options.train.y.length / this.#batch);
    this.#training = buildTrainingModel(options.model, {
      loss: options.loss ?? { kind: 'cross-entropy', labelSmoothing: options.labelSmoothing },
      optimizer: options.optimizer,
      batch: this.#batch,
      trainable: options.trainable,
      masked: options.masks !== undefined,
      mode: options.mode,
      maxGradientNorm: options.maxGradientNorm,
    });
    this.#checkShapes();
    const mask = packMasks(this.#training.parameters, options.masks);
    this.#state = new TrainingState(this.#training, options.model, options.optimizer, mask);
    this.#fingerprint = this.#digest();
    if (options.resumeFrom) this.#restore(decodeCheckpoint(options.resumeFrom));
  }

  get #reconstructs(): boolean {
    return this.#o.loss?.kind === 'mse';
  }

  #checkShapes(): void {
    const { input, outputShape } = this.#training;
    const wanted = input.shape.slice(1).join(', ');
    for (const [what, samples] of Object.entries({ training: this.#o.train, validation: this.#o.validation })) {
      if (samples.shape.join(', ') !== wanted) {
        throw new TrainingError(
          'bad-samples',
          `the ${what} samples are [${samples.shape.join(', ')}], the model reads [${wanted}]`,
        );
      }
      if (!this.#reconstructs) checkTrainingSamples(samples, `${what} samples`, outputShape[1]);
    }
  }

  #digest(): string {
    const { epochs, schedule, optimizer, augmentation, keep, earlyStop, train, validation, targets, views } = this.#o;
    const hash = createHash('sha256').update(encodeModel(this.#training.model));
    const plan = { epochs, schedule, optimizer, augmentation, keep, earlyStop, seed: this.#seed, batch: this.#batch };
    hash.update(JSON.stringify(plan));
    const arrays = [
      ...this.#state.vectors.values(),
      train.x,
      train.y,
      validation.x,
      validation.y,
      targets?.train,
      targets?.validation,
      ...(views ?? []).flatMap((v) => [v.x, v.teacherLogits]),
    ];
    for (const a of arrays) if (a) hash.update(new Uint8Array(a.buffer, a.byteOffset, a.byteLength));
    return hash.digest('hex');
  }

  #restore(checkpoint: Checkpoint): void {
    if (checkpoint.fingerprint !== this.#fingerprint) {
      throw new TrainingError('bad-checkpoint', 'the checkpoint belongs to a run with another model, data or options');
    }
    this.#position = { ...checkpoint.position };
    this.#running = { ...checkpoint.running };
    this.#history = [...checkpoint.history];
    this.#best = checkpoint.best;
    this.#patience = checkpoint.patience;
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
        running: this.#running,
        history: this.#history,
        best: this.#best,
        patience: this.#patience,
        seconds: this.#seconds,
        vectors: new Map([...this.#state.vectors, ...best]),
      }),
    );
  }

  #checkCancelled(): void {
    const { signal } = this.#o;
    if (signal?.aborted) throw new TrainingError('cancelled', 'the training was cancelled', { cause: signal.reason });
  }

  #learningRate(step: number): number {
    const { optimizer, schedule = { name: 'cosine' }, epochs } = this.#o;
    const total = epochs * this.#stepsPerEpoch;
    return learningRateAt(optimizer.learningRate, schedule, step, total, this.#stepsPerEpoch);
  }

  #augmented(x: Float32Array): Float32Array {
    const { train, augmentation, augment } = this.#o;
    if (!augmentation && !augment) return x;
    const { epoch, stepInEpoch } = this.#position;
    const seed = new Random(this.#seed, 'augment', epoch, stepInEpoch).uint32();
    const moved = augmentation ? augmentBatch(x, train.shape, augmentation, seed) : x;
    return augment ? augment(moved, train.shape, seed) : moved;
  }

  /** The feeds of the step at the current position. */
  #input(order: Int32Array): StepInput {
    const { train, targets, views } = this.#o;
    const { epoch, stepInEpoch, step } = this.#position;
    const indices = order.subarray(stepInEpoch * this.#batch, (stepInEpoch + 1) * this.#batch);
    const view = views?.[epoch % views.length];
    const x = this.#augmented(gatherBatch(view ? { ...train, x: view.x } : train, indices));
    const width = elementCount(this.#training.outputShape) / this.#batch;
    const common = {
      x,
      learningRate: this.#learningRate(step),
      step: step + 1,
      dropoutSeed: new Random(this.#seed, 'dropout', step).uint32(),
    };
    if (this.#reconstructs) return { ...common, target: targets ? gatherRows(targets.train, width, indices) : x };
    const labels = Int32Array.from(indices, (i) => train.y[i]!);
    return { ...common, labels, teacherLogits: view && gatherRows(view.teacherLogits, width, indices) };
  }

  async #epoch(session: Session): Promise<void> {
    const order = new Random(this.#seed, 'shuffle', this.#position.epoch).permutation(this.#o.train.y.length);
    const every = this.#o.checkpointEverySteps ?? Infinity;
    while (this.#position.stepInEpoch < this.#stepsPerEpoch) {
      this.#checkCancelled();
      const input = this.#input(order);
      const { loss, output } = await this.#state.step(session, input);
      this.#running.loss += loss;
      const width = output.length / this.#batch;
      input.labels?.forEach((label, i) => {
        if (largest(output, i * width, width) === label) this.#running.correct++;
      });
      this.#running.seen += this.#batch;
      this.#position.stepInEpoch++;
      this.#position.step++;
      if (this.#position.step % every === 0 && this.#position.stepInEpoch < this.#stepsPerEpoch) await this.#save();
      await immediate();
    }
  }

  async #validate(model: Model): Promise<Score> {
    const { validation, createSession, threads, signal, targets } = this.#o;
    const predictions = await predict(model, validation, createSession, { threads, signal });
    if (!this.#reconstructs) return score(predictions, validation.y);
    const wanted = targets?.validation ?? Float32Array.from(validation.x);
    return scoreTargets(predictions.logits, wanted, validation.y.length);
  }

  /** Closes the epoch: validation, bookkeeping, report. Returns whether the run should stop early. */
  async #close(): Promise<boolean> {
    const validation = await this.#validate(this.#state.export());
    const [position, running] = [this.#position, this.#running];
    const progress: Progress = {
      epoch: position.epoch + 1,
      epochs: this.#o.epochs,
      step: position.step,
      learningRate: this.#learningRate(position.step - 1),
      trainLoss: running.loss / this.#stepsPerEpoch,
      trainAccuracy: running.correct / running.seen,
      valLoss: validation.loss,
      valAccuracy: validation.accuracy,
      seconds: this.#seconds,
    };
    this.#history.push(progress);
    const { loss, accuracy } = validation;
    const best = this.#best;
    const better = !best || accuracy > best.accuracy || (accuracy === best.accuracy && loss < best.loss);
    const keep = this.#o.keep ?? (this.#o.earlyStop ? 'best' : 'last');
    if (keep === 'last' || better) {
      this.#best = { epoch: progress.epoch, loss, accuracy };
      this.#bestVectors = this.#state.snapshot();
    }
    const improved = this.#patience.loss === null || loss < this.#patience.loss - (this.#o.earlyStop?.minDelta ?? 0);
    this.#patience = improved ? { loss, epochs: 0 } : { ...this.#patience, epochs: this.#patience.epochs + 1 };
    this.#position = { epoch: position.epoch + 1, stepInEpoch: 0, step: position.step };
    this.#running = { loss: 0, correct: 0, seen: 0 };
    return this.#stops;
  }

  get #stops(): boolean {
    const { earlyStop } = this.#o;
    return earlyStop !== undefined && this.#patience.epochs >= earlyStop.patience;
  }

  async run(): Promise<FitResult> {
    const { createSession, threads, epochs, onProgress, checkpointEvery = 1 } = this.#o;
    this.#checkCancelled();
    const bytes = encodeModel(this.#training.model);
    const session = await createSession(bytes, { threads, optimization: 'extended' });
    let stopped = this.#position.epoch > 0 && this.#stops;
    try {
      while (this.#position.epoch < epochs && !stopped) {
        await this.#epoch(session);
        stopped = await this.#close();
        const last = this.#position.epoch === epochs || stopped;
        if (last || this.#position.epoch % checkpointEvery === 0) await this.#save();
        await onProgress?.(this.#history.at(-1)!);
      }
    } finally {
      await session.release();
    }
    return this.#result(stopped && this.#position.epoch < epochs);
  }

  #result(stoppedEarly: boolean): FitResult {
    const best = this.#best!;
    const model = this.#state.export(this.#bestVectors);
    return {
      model,
      bytes: encodeModel(model),
      history: this.#history,
      epoch: best.epoch,
      stoppedEarly,
      steps: this.#position.step,
      seconds: this.#seconds,
      validation: { samples: this.#o.validation.y.length, loss: best.loss, accuracy: best.accuracy },
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
