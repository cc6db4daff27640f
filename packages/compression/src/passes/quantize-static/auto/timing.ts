/** The plan that runs fastest on this machine: foretold from kernels, then measured as a whole. */
import { encodeModel, type KernelTime, type KernelTimer, type Model } from '@verge/onnx';
import { type Benchmark, type PortOptions, sizesOf } from '@verge/training';
import { checkCancelled } from '../../../errors.js';
import { timesOfNodes, type NodeTimes } from './labels.js';
import { LatencyModel } from './latency.js';
import { type Kept, Mixtures } from './mixtures.js';
import type { Variants } from './variants.js';

/** What measures time on this machine. */
export interface Clock {
  readonly benchmark: Benchmark;
  readonly timeKernels: KernelTimer;
  readonly threads: number;
  readonly ports?: PortOptions | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Times of whole models differ by this share by chance alone. */
export const BY_CHANCE = 0.01;

export interface Timed {
  readonly keep: Kept;
  readonly latency: LatencyModel;
  /** p50 in milliseconds of what was measured as a whole. */
  readonly float32Ms: number;
  readonly int8Ms: number;
  readonly keepMs: number;
}

/** Median latencies of whole models, measured in turns. */
export async function inTurns(models: readonly Model[], variants: Variants, clock: Clock): Promise<number[]> {
  const { benchmark, threads, ports, signal } = clock;
  const feeds = sizesOf(variants.samples, { fixedInputs: ports?.fixedInputs, dims: ports?.dims });
  const figures = await benchmark(models.map(encodeModel), { threads, feeds, rounds: 25, ...(signal && { signal }) });
  return figures.map((f) => f.p50Ms);
}

/** The lesser of two times of each kernel: the profiles take turns. */
function lesser(a: readonly KernelTime[], b: readonly KernelTime[]): KernelTime[] {
  const other = new Map(b.map((kernel) => [kernel.name, kernel.milliseconds]));
  return a.map((kernel) => ({
    ...kernel,
    milliseconds: Math.min(kernel.milliseconds, other.get(kernel.name) ?? Infinity),
  }));
}

async function nodeTimes(variants: Variants, { timeKernels, threads, signal }: Clock): Promise<NodeTimes[]> {
  const feeds = variants.feeds();
  const models = [variants.source, variants.with(new Set())].map((m) => encodeModel(variants.bind(m)));
  const turns: (readonly KernelTime[])[][] = [];
  for (let turn = 0; turn < 2; turn++) {
    const kernels: (readonly KernelTime[])[] = [];
    for (const model of models) {
      checkCancelled(signal);
      kernels.push(await timeKernels(model, feeds, { threads, ...(signal && { signal }) }));
    }
    turns.push(kernels);
  }
  const weighted = variants.units.map((unit) => unit.node);
  return models.map((_, i) => timesOfNodes(lesser(turns[0]![i]!, turns[1]![i]!), variants.source, weighted));
}

/** @returns the fastest of all in float32, all in int8 and the mixtures of both; of those that take as long, that of fewest bytes */
export async function fastest(variants: Variants, clock: Clock): Promise<Timed> {
  const [float32, int8] = (await nodeTimes(variants, clock)) as [NodeTimes, NodeTimes];
  const latency = new LatencyModel(variants.bound, { float32, int8 });
  const bytes = variants.weightBytes();
  const mixtures = new Mixtures(latency, bytes).best();
  const pure = [new Set(variants.places), new Set<number>()];
  const known = new Set<string>();
  const plans = [...pure, ...mixtures.map((mixture) => mixture.keep)].filter((keep) => {
    const key = [...keep].sort((a, b) => a - b).join();
    return !known.has(key) && known.add(key);
  });
  const measured = await inTurns(
    plans.map((keep) => variants.with(keep)),
    variants,
    clock,
  );
  const weight = (keep: Kept): number => [...keep].reduce((sum, place) => sum + (bytes.get(place) ?? 0), 0);
  const least = Math.min(...measured);
  const candidates = plans.map((keep, i) => ({ keep, ms: measured[i] as number, bytes: weight(keep) }));
  const best = candidates.filter(({ ms }) => ms <= least * (1 + BY_CHANCE)).sort((a, b) => a.bytes - b.bytes)[0]!;
  return { keep: best.keep, latency, float32Ms: measured[0]!, int8Ms: measured[1]!, keepMs: best.ms };
}
