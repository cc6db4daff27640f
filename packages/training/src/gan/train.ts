/** Training a generator against a discriminator. */
import { createHash } from 'node:crypto';
import { elementCount, encodeModel, float32, type Tensor } from '@verge/onnx';
import { decodeCheckpoint, encodeCheckpoint } from '../checkpoint.js';
import { TrainingError } from '../errors.js';
import type { AdversarialSpec } from '../losses/adversarial.js';
import { probeBlock } from '../blocked-layout.js';
import type { Stepper } from '../parallel/stepper.js';
import { openWhole } from '../parallel/whole.js';
import { immediate } from '../pause.js';
import { checkCancelled } from '../predict.js';
import { Random } from '../random.js';
import { learningRateAt, plateauStart } from '../schedule.js';
import { TrainingState } from '../state.js';
import { PARAMETERS } from '../step-parts.js';
import { separateParameters } from '../transfer/form.js';
import { checkGanOptions, type GanOptions, type GanResult } from './options.js';
import { BETWEEN, buildDiscriminatorStep, buildGeneratorStep, NOISE, OTHER, REAL, type GanGraph } from './graph.js';

/** Standard normal numbers of a stream of their own. */
function normals(count: number, seed: number, ...stream: (string | number)[]): Float32Array {
  const random = new Random(seed, ...stream);
  return Float32Array.from({ length: count }, () => random.normal());
}

interface Graphs {
  readonly generator: GanGraph;
  readonly discriminator: GanGraph;
}

class GanRun {
  readonly #o: GanOptions;
  readonly #seed: number;
  readonly #batch: number;
  readonly #inner: number;
  /** In standard form: they are the run's identity, whatever layout it runs in. */
  readonly #graphs: Graphs;
  readonly #states: { readonly generator: TrainingState; readonly discriminator: TrainingState };
  readonly #fingerprint: string;
  #step = 0;
  #order: { epoch: number; indices: Int32Array } | undefined;

  constructor(given: GanOptions) {
    checkGanOptions(given);
    const options: GanOptions = {
      ...given,
      generator: separateParameters(given.generator).model,
      discriminator: separateParameters(given.discriminator).model,
    };
    this.#o = options;
    this.#seed = options.seed ?? 1;
    this.#batch = options.batchSize ?? 64;
    const { generator, discriminator, optimizer } = options;
    this.#inner = options.discriminatorSteps ?? (this.#loss.kind === 'wasserstein' ? 5 : 1);
    this.#graphs = this.#build();
    const { input } = this.#graphs.discriminator;
    const wanted = input.shape.slice(1);
    if (wanted.join() !== options.real.shape.join()) {
      const shapes = `[${options.real.shape.join(', ')}], the discriminator reads [${wanted.join(', ')}]`;
      throw new TrainingError('bad-samples', `the real samples are ${shapes}`);
    }
    this.#states = {
      generator: new TrainingState(
        this.#graphs.generator,
        generator,
        optimizer.generator,
        undefined,
        options.averaging,
      ),
      discriminator: new TrainingState(this.#graphs.discriminator, discriminator, optimizer.discriminator),
    };
    this.#fingerprint = this.#digest();
    if (options.resumeFrom) this.#restore(options.resumeFrom);
  }

  get #loss(): AdversarialSpec {
    return this.#o.loss ?? { kind: 'non-saturating' };
  }

  #build(block?: number): Graphs {
    const { generator, discriminator, optimizer } = this.#o;
    const both = { generator, discriminator, batch: this.#batch, loss: this.#loss, block };
    const [ofGenerator, ofDiscriminator] = [optimizer.generator, optimizer.discriminator];
    return {
      generator: buildGeneratorStep({ ...both, optimizer: ofGenerator, otherOptimizer: ofDiscriminator }),
      discriminator: buildDiscriminatorStep({ ...both, optimizer: ofDiscriminator, otherOptimizer: ofGenerator }),
    };
  }

  #digest(): string {
    const { steps, schedule, averaging, optimizer, loss, real } = this.#o;
    const hash = createHash('sha256');
    for (const graph of Object.values(this.#graphs)) hash.update(encodeModel(graph.model));
    const plan = { steps, schedule, averaging, optimizer, loss, seed: this.#seed, inner: this.#inner };
    hash.update(JSON.stringify(plan));
    for (const v of [...this.#vectors().values(), real.x])
      hash.update(new Uint8Array(v.buffer, v.byteOffset, v.byteLength));
    return hash.digest('hex');
  }

  #vectors(): Map<string, Float32Array> {
    const all = Object.entries(this.#states).flatMap(([who, state]) =>
      [...state.vectors].map(([name, v]) => [`${who}.${name}`, v] as const),
    );
    return new Map(all);
  }

  #restore(bytes: Uint8Array): void {
    const { fingerprint, position, vectors } = decodeCheckpoint(bytes);
    if (fingerprint !== this.#fingerprint) {
      throw new TrainingError(
        'bad-checkpoint',
        'the checkpoint belongs to a run with other networks, samples or options',
      );
    }
    this.#step = position.step;
    for (const [who, state] of Object.entries(this.#states)) {
      for (const name of state.vectors.keys()) state.vectors.set(name, vectors.get(`${who}.${name}`)!);
    }
  }

  /** A checkpoint as `fit` has it, whose books of epochs stay empty. */
  async #save(): Promise<void> {
    await this.#o.saveCheckpoint?.(
      encodeCheckpoint({
        fingerprint: this.#fingerprint,
        position: { epoch: 0, stepInEpoch: 0, step: this.#step },
        running: { loss: 0, correct: 0, seen: 0 },
        history: [],
        best: null,
        patience: { loss: null, epochs: 0 },
        plateau: plateauStart,
        seconds: 0,
        vectors: this.#vectors(),
      }),
    );
  }

  /** The real samples of a discriminator step, counted from 0 over the run. */
  #real(index: number): Tensor {
    const { x, shape } = this.#o.real;
    const size = elementCount(shape);
    const count = x.length / size;
    const perEpoch = Math.floor(count / this.#batch);
    const epoch = Math.floor(index / perEpoch);
    if (this.#order?.epoch !== epoch) {
      this.#order = { epoch, indices: new Random(this.#seed, 'real', epoch).permutation(count) };
    }
    const from = (index % perEpoch) * this.#batch;
    const data = new Float32Array(this.#batch * size);
    this.#order.indices.subarray(from, from + this.#batch).forEach((sample, i) => {
      data.set(x.subarray(sample * size, (sample + 1) * size), i * size);
    });
    return float32([this.#batch, ...shape], data);
  }

  #noise(who: string, index: number): Tensor {
    const { shape } = this.#graphs.generator.input;
    return float32(shape, normals(elementCount(shape), this.#seed, 'noise', who, index));
  }

  /** One step of either network against the other's current parameters. */
  async #take(who: 'generator' | 'discriminator', stepper: Stepper, index: number): Promise<number> {
    const other = this.#states[who === 'generator' ? 'discriminator' : 'generator'].vectors.get(PARAMETERS)!;
    const feeds: Record<string, Tensor> = { [NOISE]: this.#noise(who, index), [OTHER]: float32([other.length], other) };
    if (who === 'discriminator') {
      feeds[REAL] = this.#real(index);
      if (this.#graphs[who].model.graph.inputs.some((i) => i.name === BETWEEN)) {
        const random = new Random(this.#seed, 'between', index);
        feeds[BETWEEN] = float32(
          [this.#batch],
          Float32Array.from({ length: this.#batch }, () => random.uniform()),
        );
      }
    }
    const { optimizer, schedule = { name: 'constant' }, steps, real } = this.#o;
    const perEpoch = Math.max(1, Math.floor(real.x.length / elementCount(real.shape) / this.#batch / this.#inner));
    const learningRate = learningRateAt(optimizer[who].learningRate, schedule, this.#step, steps, perEpoch);
    const dropoutSeed = new Random(this.#seed, 'dropout', who, index).uint32();
    const { loss } = await stepper.step({ feeds, learningRate, step: index + 1, dropoutSeed });
    return loss;
  }

  async #loop(steppers: { generator: Stepper; discriminator: Stepper }): Promise<void> {
    const { steps, signal, onProgress, reportEvery = 100, checkpointEverySteps = Infinity } = this.#o;
    while (this.#step < steps) {
      checkCancelled(signal, 'training');
      let discriminatorLoss = 0;
      for (let i = 0; i < this.#inner; i++) {
        discriminatorLoss = await this.#take('discriminator', steppers.discriminator, this.#step * this.#inner + i);
      }
      const generatorLoss = await this.#take('generator', steppers.generator, this.#step);
      this.#step++;
      const last = this.#step === steps;
      if (last || this.#step % checkpointEverySteps === 0) await this.#save();
      if (last || this.#step % reportEvery === 0) {
        await onProgress?.({ step: this.#step, steps, discriminatorLoss, generatorLoss });
      }
      await immediate();
    }
  }

  async run(): Promise<GanResult> {
    const { createSession, threads } = this.#o;
    const block = this.#o.block ?? (await probeBlock(createSession));
    const graphs = block > 0 ? this.#build(block) : this.#graphs;
    const open = (who: 'generator' | 'discriminator'): Promise<Stepper> =>
      openWhole(graphs[who], this.#states[who], createSession, threads);
    const discriminator = await open('discriminator');
    try {
      const generator = await open('generator');
      try {
        await this.#loop({ generator, discriminator });
      } finally {
        await generator.release();
      }
    } finally {
      await discriminator.release();
    }
    const models = { generator: this.#states.generator.export(), discriminator: this.#states.discriminator.export() };
    return {
      ...models,
      bytes: { generator: encodeModel(models.generator), discriminator: encodeModel(models.discriminator) },
    };
  }
}

/**
 * Trains a generator and a discriminator in turn.
 * @throws TrainingError `bad-options`, `bad-samples`, `bad-model`, `no-gradient` before anything runs; `bad-checkpoint` for
 *   bytes of another run; `diverged` and `cancelled` while it runs
 */
export async function trainGan(options: GanOptions): Promise<GanResult> {
  return new GanRun(options).run();
}
