/** The vectors that a step reads and replaces, and their way through a session. */
import { float32, int64, lazyTensor, type Model, type Tensor } from '@verge/onnx';
import { exportInference } from './export.js';
import { initialSlotValue, scalarFeeds, type OptimizerSpec } from './optimizers.js';
import { AVERAGE, emaWeight, moveTowards, swaWeight, type AveragingSpec } from './optimizers/averaging.js';
import { packFrom, unpack } from './parameters.js';
import { DROPOUT_SEED } from './gradients/dropout.js';
import { MASK, PARAMETERS, STATISTICS, withConstants, type StepPorts } from './step-parts.js';

/** What one step reads besides the state. */
export interface StepInput {
  /** The batch by graph input: the network's own input, and what the loss reads. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly learningRate: number;
  /** Counted from 1. */
  readonly step: number;
  readonly dropoutSeed: number;
}

export interface StepResult {
  readonly loss: number;
  /** The network's output for the batch, before the update. */
  readonly output: Float32Array;
}

/** The outputs of a run become the inputs of the next; the executor never writes into what it reads. */
export class TrainingState {
  vectors: Map<string, Float32Array>;
  /** The vectors that the graph reads and replaces; averages are not among them. */
  readonly stepped: readonly string[];
  /** The vectors of before the first step, which nobody else holds; steps may write there later. */
  readonly initial: ReadonlyMap<string, Float32Array>;

  constructor(
    readonly training: StepPorts,
    private forward: Model,
    private readonly optimizer: OptimizerSpec,
    readonly mask?: Float32Array,
    private readonly averaging?: AveragingSpec,
  ) {
    const { parameters, statistics, slots } = training;
    this.vectors = new Map([[PARAMETERS, packFrom(withConstants(forward.graph, training.added), parameters)]]);
    for (const slot of slots)
      this.vectors.set(slot, new Float32Array(parameters.size).fill(initialSlotValue(optimizer)));
    if (statistics.size > 0) this.vectors.set(STATISTICS, packFrom(forward.graph, statistics));
    if (mask)
      this.vectors.set(
        PARAMETERS,
        this.vectors.get(PARAMETERS)!.map((v, i) => v * mask[i]!),
      );
    this.stepped = [...this.vectors.keys()];
    this.initial = new Map(this.vectors);
    if (averaging) for (const [name, vector] of this.snapshot()) this.vectors.set(AVERAGE + name, vector);
    this.forward = this.#withoutValues(forward);
  }

  /** The model without the values that the state has, which every export puts in their place: they are held once, not twice. */
  #withoutValues(forward: Model): Model {
    const initializers = new Map(forward.graph.initializers);
    for (const { name } of [...this.training.parameters.entries, ...this.training.statistics.entries]) {
      const stored = initializers.get(name);
      if (!stored) continue;
      const now = (): Float32Array => this.values(this.now).get(name)!.slice();
      initializers.set(name, { ...stored, value: lazyTensor('float32', stored.value.dims, now) });
    }
    return { ...forward, graph: { ...forward.graph, initializers } };
  }

  /** Lets go of the model that the state began with, for the same one in another place. */
  keepAs(forward: Model): void {
    this.forward = forward;
  }

  /** Whether the averages move with every step. */
  get averagesSteps(): boolean {
    return this.averaging?.kind === 'ema';
  }

  /** All that a step may read: the batch, the state, the mask and the scalars. */
  feeds(input: StepInput): Record<string, Tensor> {
    const feeds = this.stepFeeds(input);
    for (const [name, vector] of this.read) feeds[name] = float32([vector.length], vector);
    return feeds;
  }

  /** The vectors that a step reads: the state, and the mask. */
  get read(): Map<string, Float32Array> {
    const state = this.stepped.map((name) => [name, this.vectors.get(name)!] as const);
    return new Map(this.mask ? [...state, [MASK, this.mask]] : state);
  }

  /** What differs from step to step: the batch and the scalars. */
  stepFeeds(input: StepInput): Record<string, Tensor> {
    const { training } = this;
    const feeds: Record<string, Tensor> = { ...input.feeds };
    if (training.needsDropoutSeed) feeds[DROPOUT_SEED] = int64([], [input.dropoutSeed]);
    const scalars = scalarFeeds(this.optimizer, input.learningRate, input.step);
    for (const [name, value] of Object.entries(scalars)) feeds[name] = float32([], [value]);
    return feeds;
  }

  /** Puts the vectors in place that a step has made, and moves the averages. */
  advance(next: (name: string) => Float32Array, step: number): void {
    const averages = [...this.vectors].filter(([name]) => name.startsWith(AVERAGE));
    this.vectors = new Map([...this.stepped.map((name) => [name, next(name)] as const), ...averages]);
    if (this.averaging?.kind === 'ema') this.#average(emaWeight(this.averaging, step));
  }

  /** Moves the averages towards the current values. */
  #average(weight: number): void {
    if (weight === 0) return;
    for (const name of this.#exported) moveTowards(this.vectors.get(AVERAGE + name)!, this.vectors.get(name)!, weight);
  }

  get #exported(): readonly string[] {
    return [PARAMETERS, STATISTICS].filter((name) => this.vectors.has(name));
  }

  /**
   * Takes the end of an epoch into the mean of stochastic weight averaging.
   * @param epoch counted from 1
   * @param estimate BatchNormalization statistics for parameters; called where there are any
   */
  async endEpoch(epoch: number, estimate: (parameters: Float32Array) => Promise<Float32Array>): Promise<void> {
    if (this.averaging?.kind !== 'swa') return;
    if (epoch < this.averaging.startEpoch) return this.#follow();
    const weight = swaWeight(this.averaging, epoch);
    if (weight === 0) return;
    this.#average(weight);
    if (this.vectors.has(STATISTICS)) {
      this.vectors.set(AVERAGE + STATISTICS, await estimate(this.vectors.get(AVERAGE + PARAMETERS)!));
    }
  }

  /** Until the mean begins it is the current values. */
  #follow(): void {
    for (const [name, vector] of this.#current('')) this.vectors.set(AVERAGE + name, vector);
  }

  #current(prefix: string): Map<string, Float32Array> {
    return new Map(this.#exported.map((name) => [name, this.vectors.get(prefix + name)!.slice()]));
  }

  /** `snapshot` without copies: as long as no step is taken. */
  get now(): Map<string, Float32Array> {
    const prefix = this.vectors.has(AVERAGE + PARAMETERS) ? AVERAGE : '';
    return new Map(this.#exported.map((name) => [name, this.vectors.get(prefix + name)!]));
  }

  /** The values that an inference model needs, as they are now: their averages where the run averages. */
  snapshot(): Map<string, Float32Array> {
    return this.#current(this.vectors.has(AVERAGE + PARAMETERS) ? AVERAGE : '');
  }

  /** The values of a snapshot by the names of the model's constants. */
  values(snapshot: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> {
    const values = unpack(this.training.parameters, snapshot.get(PARAMETERS)!);
    for (const name of this.training.added?.keys() ?? []) values.delete(name);
    const statistics = snapshot.get(STATISTICS);
    if (statistics) for (const [name, data] of unpack(this.training.statistics, statistics)) values.set(name, data);
    return values;
  }

  /** The inference model of a snapshot, with the inputs and outputs of the run. */
  export(snapshot: ReadonlyMap<string, Float32Array> = this.snapshot()): Model {
    return exportInference(this.forward, this.values(snapshot));
  }
}
