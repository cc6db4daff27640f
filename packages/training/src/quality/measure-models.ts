/** A model's `Measurement` of the contracts: size, parameters, MACs, quality, latency, memory, in one call. */
import type { Fidelity, Measurement } from '@verge/contracts';
import type { Samples } from '@verge/data';
import {
  type FedInput,
  type FeedOptions,
  figuresOf,
  type Model,
  type ModelOpener,
  normalise,
  type SessionFactory,
} from '@verge/onnx';
import { sizesOf } from './feed.js';
import { type Assessment, measureQuality, type QualityOptions } from './measure-quality.js';
import { openSubject, type Subject } from './subject.js';

/** Latency and memory of one model on the machine that measures. */
export interface BenchmarkFigures {
  p50Ms: number;
  p95Ms: number;
  peakRssBytes: number;
  threads: number;
  runs: number;
  machine: string;
}

/** Measures models side by side, in alternating rounds; runtime's `benchmarkModels` is one. */
export type Benchmark = (
  models: readonly (Uint8Array | string)[],
  options: {
    threads: number;
    /** Turns that the models take; as many as the benchmark takes by itself when absent. */
    rounds?: number;
    signal?: AbortSignal;
    feeds?: (inputs: readonly FedInput[]) => Promise<FeedOptions>;
  },
) => Promise<readonly BenchmarkFigures[]>;

export interface MeasuredModel {
  readonly model: Model;
  /** Its file: what is in it, or where it lies and how many bytes it and those beside it have. */
  readonly file: Uint8Array | { readonly path: string; readonly bytes: number };
}

const held = ({ file }: MeasuredModel): Uint8Array | undefined => (file instanceof Uint8Array ? file : undefined);
const sizeOf = ({ file }: MeasuredModel): number => (file instanceof Uint8Array ? file.byteLength : file.bytes);

export interface MeasureOptions extends QualityOptions {
  readonly createSession: SessionFactory;
  /** Opens models whose constants need not be in memory; `createSession` of what they encode to when absent. */
  readonly open?: ModelOpener;
  readonly benchmark: Benchmark;
  readonly threads?: number;
}

export interface Measured extends Pick<Assessment, 'accuracy' | 'confusion' | 'failures'> {
  readonly measurement: Measurement;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Of a model without samples nothing is known but what its file says. */
const nothing = (fidelity: Fidelity[]): Assessment => ({
  ...{ quality: [], fidelity, typicalKl: new Map() },
  ...{ notes: [], failures: [] },
});

const uncompared = (outputs: readonly string[], problem: string): Fidelity[] =>
  outputs.map((output) => ({
    ...{ output, reads: 'values' as const, samples: 0 },
    ...{ agreement: null, kl: null, sqnrDb: null, maxAbsDifference: null, problem },
  }));

async function qualityOf(
  models: readonly MeasuredModel[],
  samples: Samples,
  options: MeasureOptions,
): Promise<Assessment[]> {
  const outputs = models[0]!.model.graph.outputs.map(({ name }) => name);
  const without = (problem: string): Assessment[] =>
    models.map((_, i) => nothing(i === 0 ? [] : uncompared(outputs, problem)));
  if (samples.y.length === 0) return without('there is no sample to compare it on');
  const subjects: Subject[] = [];
  const broken = new Map<number, string>();
  try {
    for (const [i, one] of models.entries())
      try {
        const { createSession, open, threads } = options;
        subjects.push(await openSubject(one.model, createSession, { bytes: held(one), threads, open }));
      } catch (error) {
        if (i === 0) throw error;
        broken.set(i, `the model cannot be loaded: ${messageOf(error)}`);
      }
    const found = await measureQuality(subjects, samples, options);
    return models.map((_, i) => (broken.has(i) ? nothing(uncompared(outputs, broken.get(i)!)) : found.shift()!));
  } finally {
    await Promise.all(subjects.map(({ session }) => session.release()));
  }
}

/** Latency and memory of all models side by side, or why they were not measured. */
async function speedsOf(
  models: readonly MeasuredModel[],
  samples: Samples,
  { benchmark, threads = 1, signal, fixedInputs, dims }: MeasureOptions,
): Promise<{ figures: readonly (BenchmarkFigures | undefined)[]; problem?: string }> {
  const files = models.map(({ file }) => (file instanceof Uint8Array ? file : file.path));
  const feeds = sizesOf(samples, { fixedInputs, dims });
  try {
    return { figures: await benchmark(files, { threads, feeds, ...(signal && { signal }) }) };
  } catch (error) {
    if (signal?.aborted) throw error;
    return { figures: [], problem: `latency and memory were not measured: ${messageOf(error)}` };
  }
}

const known = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) && value >= 0 ? value : null;

/** Shapes of one sample by input: of the further ones as they are named, of the other one the samples' own. */
function sampleShapes({ graph }: Model, { shape, inputs = {} }: Samples, fixed: QualityOptions['fixedInputs'] = {}) {
  const others = Object.entries(inputs).map(([name, input]) => [name, input.shape] as const);
  const main = graph.inputs.find(
    ({ name }) => !graph.initializers.has(name) && !Object.hasOwn(inputs, name) && !Object.hasOwn(fixed, name),
  );
  return Object.fromEntries([...others, ...(main ? [[main.name, shape] as const] : [])]);
}

/**
 * Measures models: the first is the source, the others are compared with it. What could not be measured is null or absent, and `notes`
 * says why: latency that no benchmark gave, quality without labels.
 * @throws as `measureQuality` for the first model; the signal's reason
 */
export async function measureModels(
  models: readonly MeasuredModel[],
  samples: Samples,
  options: MeasureOptions,
): Promise<Measured[]> {
  const { fixedInputs, dims, threads = 1 } = options;
  const speeds = await speedsOf(models, samples, options);
  const assessed = await qualityOf(models, samples, options);
  return models.map((one, i): Measured => {
    const { model } = one;
    const { quality, fidelity, accuracy, confusion, notes, failures } = assessed[i]!;
    const speed = speeds.figures[i];
    const shapes = sampleShapes(model, samples, fixedInputs);
    const measurement: Measurement = {
      bytes: sizeOf(one),
      ...figuresOf(normalise(model).model, { dims, samples: shapes }),
      ...(accuracy && { accuracy: accuracy.accuracy }),
      samples: samples.y.length,
      p50Ms: known(speed?.p50Ms),
      p95Ms: known(speed?.p95Ms),
      peakRssBytes: known(speed?.peakRssBytes),
      threads: speed?.threads ?? threads,
      runs: speed?.runs ?? 0,
      machine: speed?.machine ?? 'not measured',
      quality: [...quality],
      ...(i > 0 && { fidelity: [...fidelity] }),
      notes: [...notes, ...(speeds.problem === undefined ? [] : [speeds.problem])],
    };
    return { measurement, failures, ...(accuracy && { accuracy }), ...(confusion && { confusion }) };
  });
}
