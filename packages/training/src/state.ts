/** The vectors that a step reads and replaces, and their way through a session. */
import { float32, int64, type Model, type Session, type Tensor } from '@verge/onnx';
import { TrainingError } from './errors.js';
import { exportInference } from './export.js';
import { initialSlotValue, scalarFeeds, type OptimizerSpec } from './optimizers.js';
import { packFrom, unpack } from './parameters.js';
import { DROPOUT_SEED } from './gradients/dropout.js';
import { LOSS, MASK, OUTPUT, PARAMETERS, STATISTICS, nextOf, type StepPorts } from './step-parts.js';

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
  readonly #mask: Float32Array | undefined;

  constructor(
    readonly training: StepPorts,
    private readonly forward: Model,
    private readonly optimizer: OptimizerSpec,
    mask?: Float32Array,
  ) {
    const { parameters, statistics, slots } = training;
    this.vectors = new Map([[PARAMETERS, packFrom(forward.graph, parameters)]]);
    for (const slot of slots) this.vectors.set(slot, new Float32Array(parameters.size).fill(initialSlotValue(optimizer)));
    if (statistics.size > 0) this.vectors.set(STATISTICS, packFrom(forward.graph, statistics));
    this.#mask = mask;
    if (mask)
      this.vectors.set(
        PARAMETERS,
        this.vectors.get(PARAMETERS)!.map((v, i) => v * mask[i]!),
      );
  }

  #feeds(input: StepInput): Record<string, Tensor> {
    const { training } = this;
    const feeds: Record<string, Tensor> = { ...input.feeds };
    if (training.needsDropoutSeed) feeds[DROPOUT_SEED] = int64([], [input.dropoutSeed]);
    if (this.#mask) feeds[MASK] = float32([this.#mask.length], this.#mask);
    const scalars = scalarFeeds(this.optimizer, input.learningRate, input.step);
    for (const [name, value] of Object.entries(scalars)) feeds[name] = float32([], [value]);
    for (const [name, vector] of this.vectors) feeds[name] = float32([vector.length], vector);
    return feeds;
  }

  /** @throws TrainingError `diverged` when the loss is no longer finite; the state is then the one before the step */
  async step(session: Session, input: StepInput): Promise<StepResult> {
    const results = await session.run(this.#feeds(input));
    const floats = (name: string): Float32Array => {
      const tensor = results[name];
      if (tensor?.dtype !== 'float32') throw new TrainingError('bad-model', `output '${name}' is missing`);
      return tensor.data;
    };
    const loss = floats(LOSS)[0]!;
    if (!Number.isFinite(loss)) throw new TrainingError('diverged', `the loss of step ${input.step} is ${loss}`);
    this.vectors = new Map([...this.vectors.keys()].map((name) => [name, floats(nextOf(name))]));
    return { loss, output: floats(OUTPUT) };
  }

  /** The values that an inference model needs, as they are now. */
  snapshot(): Map<string, Float32Array> {
    const kept = [PARAMETERS, STATISTICS].filter((name) => this.vectors.has(name));
    return new Map(kept.map((name) => [name, this.vectors.get(name)!.slice()]));
  }

  /** The inference model of a snapshot. */
  export(snapshot: ReadonlyMap<string, Float32Array> = this.vectors): Model {
    const values = unpack(this.training.parameters, snapshot.get(PARAMETERS)!);
    const statistics = snapshot.get(STATISTICS);
    if (statistics) for (const [name, data] of unpack(this.training.statistics, statistics)) values.set(name, data);
    return exportInference(this.forward, values);
  }
}
