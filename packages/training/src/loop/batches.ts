/** The batches of a run, in order, prepared ahead of the steps where that pays. */
import { availableParallelism } from 'node:os';
import { drawMix } from '@verge/data/augment';
import { elementCount } from '@verge/onnx';
import type { Position } from '../checkpoint.js';
import { TrainingError } from '../errors.js';
import type { Augment, TrainingView } from '../fit-options.js';
import { checkTrainingSamples, type TrainingSamples } from '../samples.js';
import type { Batch } from './feeds.js';
import { requestsFrom, stepsPerEpoch, type BatchRequest, type Plan } from './plan.js';
import { canPrefetch, PreparingThread } from './prefetch.js';
import { castInput, prepareInput, type NetworkInput, type Preparation } from './prepare.js';
import { checkBatch, mapped, pickRows, type SampleBatch, type SampleSource } from './source.js';

/** Batches that are read and prepared before they are asked for. */
const DEPTH = 3;

/** Batches that are prepared in the run's own thread and timed before it is decided whether another thread pays. */
const TRIAL = 16;
/** Starting a thread was measured to take 30 ms of processor time, and each batch 0.06 ms; it must save many times that. */
const WORTH_MS = 400;
/** Below this share of a run's time, what preparing costs is lost in its noise. */
const WORTH_SHARE = 0.05;

export interface BatchesOptions {
  readonly source: SampleSource;
  readonly plan: Plan;
  readonly preparation: Preparation;
  readonly views?: readonly TrainingView[];
  /** Applied to a prepared batch in this thread. */
  readonly augment?: Augment;
  /** Checks the class indices of what a source reads. */
  readonly classes?: number;
  /** true: a thread of its own from the start; false: never; absent: when the first batches show that it pays. */
  readonly prefetch?: boolean;
  /** Threads that the steps use, all replicas together. */
  readonly threads: number;
  readonly signal?: AbortSignal;
}

/** Class indices come per sample as `y`, or as many as the loss reads for each as whole-number targets. */
export function labelsOf({ y, targets }: SampleBatch): Int32Array | undefined {
  return targets instanceof Int32Array ? targets : y;
}

export const valuesOf = ({ targets }: SampleBatch): Float32Array | undefined =>
  targets instanceof Float32Array ? targets : undefined;

export class Batches {
  readonly #o: BatchesOptions;
  readonly #requests: Generator<BatchRequest>;
  readonly #queue: [BatchRequest, Promise<Batch>][] = [];
  readonly #remaining: () => number;
  #thread: PreparingThread | undefined;
  /** Whether reading waits for something other than this thread, so that it pays to ask ahead of time. */
  #waits = false;
  #taken = 0;
  #trial: { preparing: number; started: number } | undefined;
  /** Batches that are read ahead. */
  #depth = DEPTH;

  constructor(options: BatchesOptions, position: Position) {
    this.#o = options;
    this.#requests = requestsFrom(options.plan, position);
    const total = stepsPerEpoch(options.plan) * options.plan.epochs - position.step;
    this.#remaining = () => total - this.#taken;
    if (options.prefetch === true) this.#thread = new PreparingThread(options.preparation);
    else if (options.prefetch === undefined && this.#mayPay) this.#trial = { preparing: 0, started: 0 };
  }

  /** Whether a thread could help at all: something is done to the samples, and a core is free for it. */
  get #mayPay(): boolean {
    const { preparation, threads } = this.#o;
    return preparation.augmentation !== undefined && availableParallelism() > threads && canPrefetch();
  }

  /** Whether batches are prepared by another thread. */
  get prefetching(): boolean {
    return this.#thread !== undefined;
  }

  async #make(request: BatchRequest): Promise<Batch> {
    const { source, preparation, views, plan, signal, classes } = this.#o;
    const view = views?.[request.epoch % views.length];
    const rows = request.indices.length;
    const read = source.read(request.indices, signal);
    this.#waits ||= read instanceof Promise;
    const raw = read instanceof Promise ? await read : read;
    checkBatch(raw, rows, source, 'training samples');
    if (classes !== undefined && raw.y) checkLabels(raw, source.shape, classes);
    const values = view ? pickRows(view.x, elementCount(source.shape), request.indices) : raw.x;
    const { mixup } = preparation.augmentation ?? {};
    const { others = {} } = preparation;
    return {
      x: await this.#prepare(values, request.seed),
      labels: labelsOf(raw),
      targets: valuesOf(raw),
      ...(raw.inputs && {
        inputs: mapped(raw.inputs, (further, name) => castInput(further, others[name] ?? 'float32')),
      }),
      ...(raw.namedTargets && { namedTargets: raw.namedTargets }),
      ...(mixup !== undefined && { mix: drawMix(rows, mixup, request.seed) }),
      ...(view && {
        teacherLogits: pickRows(view.teacherLogits, view.teacherLogits.length / plan.count, request.indices),
      }),
    };
  }

  #prepare(values: SampleBatch['x'], seed: number): NetworkInput | Promise<NetworkInput> {
    if (this.#thread) return this.#thread.prepare(values, seed);
    const started = performance.now();
    const x = prepareInput(values, seed, this.#o.preparation);
    if (this.#trial) this.#trial.preparing += performance.now() - started;
    return x;
  }

  /** Starts a thread when the first batches took long enough to prepare. */
  #judge(): void {
    if (!this.#trial || this.#taken < TRIAL) return;
    const { preparing, started } = this.#trial;
    this.#trial = undefined;
    const share = preparing / (performance.now() - started);
    if (share < WORTH_SHARE || (preparing / this.#taken) * this.#remaining() < WORTH_MS) return;
    this.#thread = new PreparingThread(this.#o.preparation);
  }

  /** Reads ahead where something else than this thread works on it. */
  #fill(depth: number): void {
    while (this.#queue.length < depth) {
      const next = this.#requests.next();
      if (next.done) return;
      const batch = this.#make(next.value);
      // Whoever takes the batch hears of it; nobody may take it when the run ends before.
      batch.catch(() => undefined);
      this.#queue.push([next.value, batch]);
    }
  }

  /** The next batch of the run. */
  async next(): Promise<Batch> {
    this.#judge();
    this.#fill(1);
    if (this.#trial?.started === 0) this.#trial.started = performance.now();
    const [request, made] = this.#queue.shift() ?? [];
    const batch = await made;
    if (!batch || !request) throw new TrainingError('bad-options', 'the run has no further batch');
    this.#taken++;
    if (this.#thread || this.#waits) this.#fill(this.#depth);
    const { augment, source } = this.#o;
    if (!augment || !(batch.x instanceof Float32Array)) return batch;
    return { ...batch, x: augment(batch.x, source.shape, request.seed) };
  }

  /** Says how many are taken at once, so that as many are made while they are used. */
  takenTogether(count: number): void {
    this.#depth = Math.max(DEPTH, count);
  }

  /** Waits for what is being read, so that the source may be closed afterwards. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#queue.map(([, batch]) => batch));
    await this.#thread?.close();
  }
}

function checkLabels({ x, y }: SampleBatch, shape: readonly number[], classes: number): void {
  const samples: TrainingSamples = { x, y: y ?? new Int32Array(0), shape };
  checkTrainingSamples(samples, 'training samples', classes);
}
