/**
 * One replica's share of a step: its gradient, then, once all gradients are there, the sum and the update of its own range
 * (the optimiser's work is divided, as stage 1 of ZeRO does it: arXiv:1910.02054).
 */
import type { ReplicaSpec, Session, Tensor } from '@verge/onnx';
import { RuntimeError } from '../errors.js';
import { openExactly } from '../loaded-session.js';
import { type ReplicaMemory } from './replica-memory.js';

export interface ReplicaOrder {
  readonly feeds: readonly Readonly<Record<string, Tensor>>[];
  readonly scalars: Readonly<Record<string, number>>;
}

type Results = Readonly<Record<string, Tensor>>;

const vector = (data: Float32Array): Tensor => ({ dtype: 'float32', dims: [data.length], data });
const scalar = (value: number): Tensor => ({ dtype: 'float32', dims: [], data: Float32Array.of(value) });

function floats(results: Results, name: string): Float32Array {
  const tensor = results[name];
  if (tensor?.dtype !== 'float32') throw new RuntimeError('bad-output', `the model gives no float32 '${name}'`);
  return tensor.data;
}

/** sum += values */
function addTo(sum: Float32Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
}

/**
 * Memory that this replica's runs read and write, since they cannot use what is shared; kept from step to step, because
 * megabytes that are made anew in every step drive the garbage collector.
 */
class OwnMemory {
  readonly gradient: Float32Array;
  /** Of the replica's own range. */
  readonly sum: Float32Array;
  readonly #copies = new Map<string, Float32Array>();

  constructor(size: number, { from, to }: { readonly from: number; readonly to: number }) {
    this.gradient = new Float32Array(size);
    this.sum = new Float32Array(to - from);
  }

  /** A buffer of its own for each name. */
  place(name: string, length: number): Float32Array {
    let copy = this.#copies.get(name);
    if (copy?.length !== length) this.#copies.set(name, (copy = new Float32Array(length)));
    return copy;
  }

  copy(name: string, values: Float32Array): Float32Array {
    const copy = this.place(name, values.length);
    copy.set(values);
    return copy;
  }
}

export class Replica {
  readonly #own: OwnMemory;
  readonly #spec: ReplicaSpec;
  readonly #index: number;
  readonly #memory: ReplicaMemory;
  readonly #gradient: Session;
  readonly #update: Session | undefined;

  private constructor(
    spec: ReplicaSpec,
    index: number,
    memory: ReplicaMemory,
    sessions: { gradient: Session; update: Session | undefined },
  ) {
    this.#own = new OwnMemory(spec.size, spec.updates[index]!);
    this.#spec = spec;
    this.#index = index;
    this.#memory = memory;
    this.#gradient = sessions.gradient;
    this.#update = sessions.update;
  }

  static async open(spec: ReplicaSpec, index: number, memory: ReplicaMemory): Promise<Replica> {
    const options = { threads: spec.threads, optimization: 'extended' as const, planMemory: false };
    const gradient = await openExactly(spec.gradientModel, options);
    const model = spec.updates[index]!.model;
    return new Replica(spec, index, memory, { gradient, update: model && (await openExactly(model, options)) });
  }

  async step({ feeds, scalars }: ReplicaOrder): Promise<void> {
    await this.#differentiate(feeds);
    if (!this.#memory.meet()) return;
    // A loss that is not finite stops every replica here, all with the state untouched.
    if (!this.#memory.losses.every(Number.isFinite)) return;
    const gradient = this.#reduce();
    if (this.#spec.maxGradientNorm !== undefined && !this.#memory.meet()) return;
    await this.#advance(gradient, scalars);
    if (this.#index === 0) this.#average();
  }

  /** Runs the micro-batches one after the other; averaged vectors pass from each to the next. */
  async #differentiate(feeds: ReplicaOrder['feeds']): Promise<void> {
    const { spec, memory, index } = { spec: this.#spec, memory: this.#memory, index: this.#index };
    const averaged = spec.vectors.filter((v) => v.kind === 'averaged').map((v) => v.name);
    const read = [...memory.vectors].filter(([name]) => this.#gradient.inputNames.includes(name));
    const state = new Map<string, Float32Array>(read.map(([name, values]) => [name, this.#own.copy(name, values)]));
    const { gradient } = this.#own;
    let loss = 0;
    for (const [i, batch] of feeds.entries()) {
      const inputs: Record<string, Tensor> = { ...batch };
      for (const name of this.#gradient.inputNames) {
        const values = state.get(name);
        if (values) inputs[name] = vector(values);
      }
      const results = await this.#gradient.run(inputs, undefined, { [spec.gradient]: vector(gradient) });
      loss += floats(results, spec.loss)[0]! / feeds.length;
      memory.outputs[index]!.set(floats(results, spec.output), i * spec.outputSize);
      if (i === 0) memory.gradients[index]!.set(gradient);
      else addTo(memory.gradients[index]!, gradient);
      for (const name of averaged) state.set(name, floats(results, `next.${name}`));
    }
    for (const name of averaged) memory.proposals[index]!.get(name)!.set(state.get(name)!);
    memory.losses[index] = loss;
  }

  /** The sum of all gradients over this replica's range, added up in the order of the replicas. */
  #reduce(): Float32Array {
    const { from, to } = this.#spec.updates[this.#index]!;
    const [first, ...others] = this.#memory.gradients;
    const { sum } = this.#own;
    sum.set(first!.subarray(from, to));
    for (const other of others) addTo(sum, other.subarray(from, to));
    if (this.#spec.maxGradientNorm !== undefined) {
      let squares = 0;
      for (let i = 0; i < sum.length; i++) squares += sum[i]! * sum[i]!;
      this.#memory.squares[this.#index] = squares;
    }
    return sum;
  }

  #scale(): number {
    const parts = this.#memory.gradients.length * this.#spec.microBatches;
    const limit = this.#spec.maxGradientNorm;
    if (limit === undefined) return 1 / parts;
    const norm = Math.sqrt(this.#memory.squares.reduce((a, b) => a + b, 0)) / parts;
    return norm <= limit ? 1 / parts : limit / (norm * parts);
  }

  async #advance(gradient: Float32Array, scalars: Readonly<Record<string, number>>): Promise<void> {
    if (!this.#update) return;
    const spec = this.#spec;
    const { from, to } = spec.updates[this.#index]!;
    const inputs: Record<string, Tensor> = { [spec.gradient]: vector(gradient), [spec.scale]: scalar(this.#scale()) };
    for (const [name, value] of Object.entries(scalars)) inputs[name] = scalar(value);
    const own = this.#own;
    if (spec.mask) inputs[spec.mask.name] = vector(own.copy(spec.mask.name, spec.mask.values.subarray(from, to)));
    const sharded = spec.vectors.filter((v) => v.kind === 'sharded').map((v) => v.name);
    const into: Record<string, Tensor> = {};
    for (const name of sharded) {
      const values = this.#memory.vectors.get(name)!.subarray(from, to);
      inputs[name] = vector(own.copy(`${name} of the range`, values));
      into[`next.${name}`] = vector(own.place(`next ${name}`, values.length));
    }
    const results = await this.#update.run(inputs, undefined, into);
    for (const name of sharded) this.#memory.vectors.get(name)!.set(floats(results, `next.${name}`), from);
  }

  /** The mean of what the replicas propose. */
  #average(): void {
    const { proposals, vectors } = this.#memory;
    for (const name of proposals[0]!.keys()) {
      const mean = proposals[0]!.get(name)!.slice();
      for (const other of proposals.slice(1)) addTo(mean, other.get(name)!);
      vectors.get(name)!.set(mean.map((v) => v / proposals.length));
    }
  }

  async release(): Promise<void> {
    await this.#gradient.release();
    await this.#update?.release();
  }
}
