/** Latency and memory, measured in processes of their own. */
import { cpus } from 'node:os';
import {
  decodeModel,
  describeEdgeChange,
  knownWords,
  openSizes,
  settleInputs,
  type FedInput,
  type FeedOptions,
  type SessionOptions,
  type SettledInputs,
} from '@verge/onnx';
import { RuntimeError } from './errors.js';
import { syntheticTensor } from './feeds-for.js';
import { fedPorts } from './fed-ports.js';
import { headOf, type ModelSource } from './model-source.js';
import { LoadedModel, type TimedRuns } from './process/loaded-model.js';

export interface BenchmarkOptions extends SessionOptions {
  /** Timed runs in all, at least; 100 unless told otherwise. Fast models are run more often, see `minRoundMs`. */
  runs?: number;
  /** Untimed runs before; 10 unless told otherwise. */
  warmup?: number;
  /** The runs are spread over this many rounds, the models taking turns; 15 unless told otherwise. */
  rounds?: number;
  /** A round lasts at least this long, so that microseconds are measured often enough; 10 ms unless told otherwise. */
  minRoundMs?: number;
  /**
   * What is known of the inputs, by name and size. For open sizes that are not given 1, 2, 8 and so on are tried until the
   * model runs; values that are not given are made up (`syntheticTensor`).
   */
  feeds?: FeedOptions | ((inputs: readonly FedInput[]) => Promise<FeedOptions>);
  signal?: AbortSignal;
}

export interface BenchmarkResult {
  /** Milliseconds for one sample; medians over the rounds' percentiles. */
  p50Ms: number;
  p95Ms: number;
  /** Of all runs: a round may have too few for a percentile of its own. */
  p99Ms: number;
  meanMs: number;
  /** Processor time of one run, of all threads together; a mean. */
  cpuMs: number;
  runs: number;
  threads: number;
  /** Highest resident set of a process that loaded and ran only this model. */
  peakRssBytes: number;
  /** Resident set of that process with ONNX Runtime but before the session was made. */
  baselineRssBytes: number;
  /** CPU model. */
  machine: string;
  /** What was fed. */
  inputs: { name: string; dtype: string; shape: readonly number[] }[];
  /** Sizes that nobody gave, by symbol or `input[axis]`. */
  assumed: Readonly<Record<string, number>>;
  /** What had to be changed at the model's edges for it to run here, in words. */
  repairs: string[];
}

/** The value below which the fraction `q` of the sorted values lies (nearest rank). */
export function percentile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? 0;
}

function settings(options: BenchmarkOptions): { runs: number; warmup: number; rounds: number; threads: number } {
  const { runs = 100, warmup = 10, threads = 1 } = options;
  const rounds = Math.min(options.rounds ?? 15, runs);
  const problems = Object.entries({ runs, rounds, threads })
    .filter(([, v]) => !Number.isInteger(v) || v < 1)
    .map(([k, v]) => `${k} must be a whole number from 1, not ${v}`);
  if (!Number.isInteger(warmup) || warmup < 0) problems.push(`warmup must be a whole number from 0, not ${warmup}`);
  if (problems.length > 0) throw new RuntimeError('bad-setting', problems.join('; '), { problems });
  return { runs, warmup, rounds, threads };
}

/**
 * Measures several models side by side: each in its own process, in alternating rounds, so that what else the machine does
 * falls on all of them alike. Input is synthetic (`syntheticFeeds`), of the sizes that the first model runs at, or its own
 * where another model names its inputs otherwise.
 * @throws RuntimeError; OnnxError `no-sizes` when no sizes are found for what is open, `unsupported` for sizes and shapes
 *   that do not fit
 */
export async function benchmarkModels(
  models: readonly ModelSource[],
  options: BenchmarkOptions = {},
): Promise<BenchmarkResult[]> {
  const { runs, warmup, rounds, threads } = settings(options);
  const { optimization, externalData, signal } = options;
  const loaded: LoadedModel[] = [];
  try {
    for (const model of models) {
      signal?.throwIfAborted();
      loaded.push(await LoadedModel.load(model, '', { threads, optimization, externalData, warmupRuns: 0 }));
    }
    const settled: SettledInputs[] = [];
    for (const [i, model] of loaded.entries())
      settled.push(await settle(model, models[i] as ModelSource, options, settled[0]));
    const timed: TimedRuns[][] = loaded.map(() => []);
    for (let round = 0; round < rounds; round++) {
      const count = Math.ceil((runs * (round + 1)) / rounds) - Math.ceil((runs * round) / rounds);
      // Every other round in reverse, so that no model always follows the same one.
      const order = loaded.map((_, i) => (round % 2 === 0 ? i : loaded.length - 1 - i));
      for (const i of order) {
        signal?.throwIfAborted();
        const model = loaded[i] as LoadedModel;
        timed[i]?.push(
          await model.benchmark(
            settled[i]?.feeds ?? {},
            count,
            round === 0 ? warmup : Math.min(warmup, 3),
            options.minRoundMs ?? 10,
          ),
        );
      }
    }
    return await Promise.all(
      loaded.map((model, i) => summarise(model, timed[i] ?? [], threads, settled[i] as SettledInputs)),
    );
  } finally {
    await Promise.all(loaded.map((model) => model.drainAndClose(0)));
  }
}

/** Inputs on which a model runs: one run, or several where sizes have to be found. */
async function settle(
  model: LoadedModel,
  source: ModelSource,
  { feeds = {} }: BenchmarkOptions,
  first: SettledInputs | undefined,
): Promise<SettledInputs> {
  const inputs = fedPorts(model.inputs);
  const options = typeof feeds === 'function' ? await feeds(inputs) : feeds;
  const known = new Set(openSizes(inputs).keys());
  const found = Object.fromEntries(Object.entries(first?.assumed ?? {}).filter(([key]) => known.has(key)));
  const settled = await settleInputs(inputs, (values) => model.run(values), {
    make: syntheticTensor,
    // Only a model that reads text is read a second time, for the words that it knows.
    ...(inputs.some((i) => i.dtype === 'string') && { words: knownWords(decodeModel(headOf(source))) }),
    ...options,
    dims: { ...found, ...options.dims },
  });
  return { ...settled, assumed: { ...found, ...settled.assumed } };
}

async function summarise(
  model: LoadedModel,
  timed: readonly TimedRuns[],
  threads: number,
  { feeds, assumed }: SettledInputs,
): Promise<BenchmarkResult> {
  const { peakRssBytes } = await model.stats();
  const rounds = timed.map(({ times }) => times);
  const all = rounds.flat();
  return {
    p50Ms: percentile(
      rounds.map((times) => percentile(times, 0.5)),
      0.5,
    ),
    p95Ms: percentile(
      rounds.map((times) => percentile(times, 0.95)),
      0.5,
    ),
    p99Ms: percentile(all, 0.99),
    meanMs: all.reduce((a, b) => a + b, 0) / all.length,
    cpuMs: timed.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / all.length,
    runs: all.length,
    threads,
    peakRssBytes,
    baselineRssBytes: model.baselineRssBytes,
    machine: cpus()[0]?.model ?? 'unknown',
    inputs: Object.entries(feeds).map(([name, { dtype, dims }]) => ({ name, dtype, shape: dims })),
    assumed,
    repairs: model.changes.map(describeEdgeChange),
  };
}

/** Measures one model in a fresh process. */
export async function benchmarkModel({
  model,
  ...options
}: BenchmarkOptions & { model: ModelSource }): Promise<BenchmarkResult> {
  const [result] = await benchmarkModels([model], options);
  return result as BenchmarkResult;
}
