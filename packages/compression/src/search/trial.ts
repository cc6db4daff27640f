/** One variant tried: its passes carried out, then measured cheaply. */
import type { DeviceClass, QualityTask, RecipePass } from '@verge/contracts';
import type { Samples } from '@verge/data';
import { decodeModel, figuresOf, type KernelTimer, type Model, normalise, type SessionFactory } from '@verge/onnx';
import {
  type Assessment,
  type Benchmark,
  measureQuality,
  openSubject,
  type PortOptions,
  type Subject,
} from '@verge/training';
import { checkCancelled, CompressionError } from '../errors.js';
import { bytesOf } from '../held-model.js';
import { doubtOf, lossOf } from '../measure/loss.js';
import { carryOutPass } from '../passes/carry-out.js';
import { checkTarget, targets } from '../targets/index.js';
import { divergenceOf, SENSITIVITY_SAMPLES } from '../study/sensitivity.js';
import { SharedStudies } from '../study/shared.js';
import { spread } from '../study/spread.js';
import type { JournalEntry } from './journal.js';
import { remembered } from './remembered.js';

export interface TrialContext {
  readonly target: DeviceClass;
  readonly data: { train: Samples; validation: Samples; test: Samples };
  readonly ports?: PortOptions | undefined;
  readonly task?: QualityTask | 'other' | undefined;
  readonly createSession: SessionFactory;
  readonly benchmark: Benchmark;
  readonly timeKernels?: KernelTimer | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Samples that choose among variants, at most: an accuracy of 90 % has an interval of a point and a half on each side then. */
const CHOOSING = 1500;
/** Outputs that diverge by more than this on a few samples are destroyed, and need no more samples to tell. */
const DESTROYED = 3;

export interface Tried {
  readonly entry: JournalEntry;
  readonly bytes: Uint8Array | null;
}

/** What variants are made of: a model, what was done to it already, and its size as a file. */
export interface Base {
  model(): Promise<Model>;
  readonly size: number;
  readonly passes: readonly RecipePass[];
  readonly changes: JournalEntry['changes'];
}

/** Compares variants with the source, on samples that choose: of the validation part, or of train where that is empty. */
export class Trials {
  readonly #few: Samples;
  readonly #many: Samples;
  readonly #studies = new SharedStudies();
  #source: Subject | undefined;

  constructor(
    readonly source: Model,
    readonly context: TrialContext,
  ) {
    const { train, validation } = context.data;
    this.#few = spread(train.y.length > 0 ? train : validation, SENSITIVITY_SAMPLES);
    this.#many = spread(validation.y.length > 0 ? validation : train, CHOOSING);
  }

  async release(): Promise<void> {
    await this.#source?.session.release();
  }

  /** @throws CompressionError `cancelled` */
  async try(id: string, base: Base, passes: readonly RecipePass[], onProgress: (f: number) => void): Promise<Tried> {
    const from = performance.now();
    const { target, data, signal } = this.context;
    const all = [...base.passes, ...passes];
    const known = { id, passes: all, points: null, lossBy: null, divergence: null, bytes: null, macs: null };
    const seconds = (): number => (performance.now() - from) / 1000;
    let [model, size] = [await base.model(), base.size];
    let bytes: Uint8Array | null = null;
    const changes = [...base.changes];
    try {
      for (const [i, pass] of passes.entries()) {
        const report = (f: number): void => onProgress((i + f) / (passes.length + 1));
        const { createSession, benchmark, timeKernels, ports, task } = this.context;
        const context = { createSession, benchmark, ...data, original: this.source, ports, signal, onProgress: report };
        const more = { ...(timeKernels && { timeKernels }), ...(task && { task }), studies: this.#studies };
        const carried = await carryOutPass({ model, size }, pass, target, { ...context, ...more });
        changes.push(carried.report);
        ({ model } = carried.held);
        bytes = bytesOf(carried.held);
        size = bytes.byteLength;
      }
      refuseBroken(this.source, model, target);
      const figures = await this.#measured(model);
      return { entry: { ...known, ...figures, bytes: size, seconds: seconds(), changes, failed: null }, bytes };
    } catch (error) {
      checkCancelled(signal);
      // A variant that cannot be made or does not run is one fewer; the others are tried all the same.
      const failed = error instanceof Error ? error.message : String(error);
      return { entry: { ...known, seconds: seconds(), changes, failed }, bytes: null };
    }
  }

  async #measured(model: Model): Promise<Pick<JournalEntry, 'points' | 'lossBy' | 'divergence' | 'macs'>> {
    const { createSession, ports, data } = this.context;
    const { shape, inputs = {} } = data.train;
    const others = Object.entries(inputs).map(([name, input]) => [name, input.shape] as const);
    const { graph } = model;
    const main = graph.inputs.find(({ name }) => !graph.initializers.has(name) && !Object.hasOwn(inputs, name));
    const samples = Object.fromEntries([...others, ...(main ? [[main.name, shape] as const] : [])]);
    const { macs } = figuresOf(normalise(model).model, { dims: ports?.dims, samples });
    this.#source ??= await this.#opened();
    const subject = await openSubject(model, createSession);
    try {
      const [, few] = await this.#compared(subject, this.#few);
      const divergence = divergenceOf(few!.fidelity);
      const finite = Number.isFinite(divergence) ? divergence : null;
      const destroyed = !(divergence <= DESTROYED);
      if (destroyed) return { points: null, lossBy: 'divergence', divergence: finite, macs };
      const [before, after] = await this.#compared(subject, this.#many);
      const { points, by } = lossOf(before!.quality, after!.quality, after!.fidelity);
      // The best of many by few samples is mostly one with luck.
      const doubt = doubtOf(after!.fidelity);
      const lossBy = doubt > 0 ? `${by}, with ${doubt.toFixed(2)} for chance` : by;
      return { points: Number.isFinite(points) ? points + doubt : null, lossBy, divergence: finite, macs };
    } finally {
      await subject.session.release();
    }
  }

  /** The source, whose outputs are the same for every variant. */
  async #opened(): Promise<Subject> {
    const subject = await openSubject(this.source, this.context.createSession);
    return { ...subject, session: remembered(subject.session) };
  }

  #compared(subject: Subject, samples: Samples): Promise<Assessment[]> {
    const { ports, task, signal } = this.context;
    const how = { ...ports, ...(task && { task }), ...(signal && { signal }) };
    return measureQuality([this.#source as Subject, subject], samples, how);
  }
}

/** @throws CompressionError `unsuitable-model` where the class's hardware refuses what it takes of the source */
function refuseBroken(source: Model, model: Model, { name }: DeviceClass): void {
  const target = targets.find((one) => one.name === name);
  if (!target) return;
  const refused = (one: Model): string[] =>
    checkTarget(one, target).flatMap((f) => (f.consequence === 'refused' ? [`${f.rule}: ${f.node}: ${f.reason}`] : []));
  const before = new Set(refused(source));
  const problems = refused(model).filter((problem) => !before.has(problem));
  if (problems.length > 0)
    throw new CompressionError('unsuitable-model', `'${name}' refuses it: ${problems.slice(0, 3).join('; ')}`, {
      problems,
    });
}

export const decoded = (bytes: Uint8Array): Model => normalise(decodeModel(bytes)).model;
