/** Latency and memory, measured in processes of their own. */
import { cpus } from 'node:os';
import type { SessionOptions } from '@verge/onnx';
import { RuntimeError } from './errors.js';
import { LoadedModel } from './process/loaded-model.js';

export interface BenchmarkOptions extends SessionOptions {
  /** Timed runs in all, at least; 100 unless told otherwise. Fast models are run more often, see `minRoundMs`. */
  runs?: number;
  /** Untimed runs before; 10 unless told otherwise. */
  warmup?: number;
  /** The runs are spread over this many rounds, the models taking turns; 15 unless told otherwise. */
  rounds?: number;
  /** A round lasts at least this long, so that microseconds are measured often enough; 10 ms unless told otherwise. */
  minRoundMs?: number;
  signal?: AbortSignal;
}

export interface BenchmarkResult {
  /** Milliseconds for one sample; medians over the rounds' percentiles. */
  p50Ms: number;
  p95Ms: number;
  meanMs: number;
  runs: number;
  threads: number;
  /** Highest resident set of a process that loaded and ran only this model. */
  peakRssBytes: number;
  /** Resident set of that process with ONNX Runtime but before the session was made. */
  baselineRssBytes: number;
  /** CPU model. */
  machine: string;
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
 * falls on all of them alike. Input is synthetic, batch 1.
 */
export async function benchmarkModels(
  models: readonly Uint8Array[],
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
    const times: number[][][] = loaded.map(() => []);
    for (let round = 0; round < rounds; round++) {
      const count = Math.ceil((runs * (round + 1)) / rounds) - Math.ceil((runs * round) / rounds);
      // Every other round in reverse, so that no model always follows the same one.
      const order = loaded.map((_, i) => (round % 2 === 0 ? i : loaded.length - 1 - i));
      for (const i of order) {
        signal?.throwIfAborted();
        const model = loaded[i] as LoadedModel;
        times[i]?.push(
          await model.benchmark(count, round === 0 ? warmup : Math.min(warmup, 3), options.minRoundMs ?? 10),
        );
      }
    }
    return await Promise.all(loaded.map((model, i) => summarise(model, times[i] ?? [], threads)));
  } finally {
    await Promise.all(loaded.map((model) => model.drainAndClose(0)));
  }
}

async function summarise(model: LoadedModel, rounds: number[][], threads: number): Promise<BenchmarkResult> {
  const { peakRssBytes } = await model.stats();
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
    meanMs: all.reduce((a, b) => a + b, 0) / all.length,
    runs: all.length,
    threads,
    peakRssBytes,
    baselineRssBytes: model.baselineRssBytes,
    machine: cpus()[0]?.model ?? 'unknown',
  };
}

/** Measures one model in a fresh process. */
export async function benchmarkModel({
  model,
  ...options
}: BenchmarkOptions & { model: Uint8Array }): Promise<BenchmarkResult> {
  const [result] = await benchmarkModels([model], options);
  return result as BenchmarkResult;
}
