/** A recipe carried out: passes in order, then source and result measured side by side and held against the budget. */
import { CompressionReport, DeviceClass, Recipe, type Budget, type Measurement } from '@verge/contracts';
import { checkSamples, type Samples } from '@verge/data';
import { assertLegal, decodeModel, encodeModel, type Model, normalise, type SessionFactory } from '@verge/onnx';
import { type PortOptions, predict, score } from '@verge/training';
import { CompressionError, checkCancelled } from './errors.js';
import { figuresOf } from './measure/figures.js';
import { inOrder } from './passes/order.js';
import type { PassResult } from './passes/pass.js';
import { runPass } from './passes/table.js';

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
  models: readonly Uint8Array[],
  options: { threads: number; signal?: AbortSignal },
) => Promise<readonly BenchmarkFigures[]>;

export interface CompressProgress {
  /** The pass at work, or 'measure' at the end. */
  stage: string;
  /** Index of the stage, and how many there are. */
  index: number;
  stages: number;
  /** Of the whole compression, 0 to 1. */
  fraction: number;
}

export interface CompressOptions {
  /** Repaired first where it breaks rules; the report has a pass 'normalise' then, with the repairs by code. */
  model: Uint8Array;
  /** Validated here; defaults are filled in. */
  recipe: unknown;
  /** Validated here; defaults are filled in. */
  target: unknown;
  /** `train` scores, tunes and calibrates, `validation` chooses among epochs, `test` is only measured. */
  data: { train: Samples; validation: Samples; test: Samples };
  /** What is said of the model's inputs and outputs where the file leaves it open; the result has the same. */
  ports?: PortOptions;
  createSession: SessionFactory;
  benchmark: Benchmark;
  onProgress?: (progress: CompressProgress) => void;
  signal?: AbortSignal;
}

export interface Compressed {
  model: Uint8Array;
  report: CompressionReport;
}

interface Issue {
  path: readonly PropertyKey[];
  message: string;
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: { issues: readonly Issue[] } };
}

function parse<T>(schema: Schema<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    (issue) => `${[what, ...issue.path.map(String)].join('.')}: ${issue.message}`,
  );
  throw new CompressionError('bad-recipe', problems.join('; '), { problems });
}

/** @throws CompressionError `bad-recipe` naming every bad field, `cancelled`, `unsuitable-model` and the others of the passes. */
export async function compress(options: CompressOptions): Promise<Compressed> {
  try {
    return await carryOut(options);
  } catch (cause) {
    // Whatever was at work when the signal came reports it in its own words.
    if (options.signal?.aborted && !(cause instanceof CompressionError)) checkCancelled(options.signal);
    throw cause;
  }
}

async function carryOut(options: CompressOptions): Promise<Compressed> {
  const recipe = parse(Recipe, options.recipe, 'recipe');
  const target = parse(DeviceClass, options.target, 'target');
  for (const part of Object.values(options.data)) checkSamples(part);
  const { model: source, report: repaired } = mended(options.model);
  const ordered = inOrder(recipe.passes);
  const stages = ordered.length + 1;
  const passes: CompressionReport['passes'] = repaired ? [repaired] : [];
  let model = source;
  let bytes = options.model;
  for (const [index, { pass, moved }] of ordered.entries()) {
    checkCancelled(options.signal);
    const report = (fraction: number): void =>
      options.onProgress?.({ stage: pass.pass, index, stages, fraction: (index + fraction) / stages });
    report(0);
    const from = performance.now();
    const result = await runPass(model, pass, target, { ...options, ...options.data, onProgress: report });
    const encoded = finish(result, pass.pass);
    passes.push({
      pass: pass.pass,
      seconds: (performance.now() - from) / 1000,
      bytesBefore: bytes.byteLength,
      bytesAfter: encoded.byteLength,
      changes: result.changes,
      declined: result.declined,
      ...(moved !== null && { notes: [moved] }),
    });
    model = result.model;
    bytes = encoded;
    report(1);
  }
  const [before, after] = await measure([options.model, bytes], [source, model], target, options);
  const reasons = refusals(before, after, recipe.budget);
  options.onProgress?.({ stage: 'measure', index: stages - 1, stages, fraction: 1 });
  const report = {
    schema: 'verge.compression-report/1' as const,
    recipe: recipe.name,
    target,
    before,
    after,
    passes,
    offered: reasons.length === 0,
    reasons,
  };
  return { model: bytes, report: CompressionReport.parse(report) };
}

/** The model as the rules want it, and what had to be repaired for that, told as a pass. */
function mended(bytes: Uint8Array): { model: Model; report: CompressionReport['passes'][number] | null } {
  const from = performance.now();
  const { model, repairs } = normalise(decodeModel(bytes));
  if (repairs.length === 0) return { model, report: null };
  const changes: Record<string, number> = {};
  for (const { code } of repairs) changes[code] = (changes[code] ?? 0) + 1;
  const [seconds, size] = [(performance.now() - from) / 1000, bytes.byteLength];
  return { model, report: { pass: 'normalise', seconds, bytesBefore: size, bytesAfter: size, changes, declined: [] } };
}

/** Every pass must leave a legal model. */
function finish({ model }: PassResult, pass: string): Uint8Array {
  try {
    assertLegal(model);
  } catch (cause) {
    throw new CompressionError('illegal-result', `the pass '${pass}' left an illegal model`, { cause });
  }
  return encodeModel(model);
}

async function measure(
  files: readonly [Uint8Array, Uint8Array],
  models: readonly [Model, Model],
  target: DeviceClass,
  options: CompressOptions,
): Promise<[Measurement, Measurement]> {
  checkCancelled(options.signal);
  const { signal, createSession } = options;
  const { test } = options.data;
  const speeds = await options.benchmark(files, { threads: target.threads, signal });
  const measured: Measurement[] = [];
  for (const [i, model] of models.entries()) {
    const { accuracy, samples } = score(
      await predict(model, test, createSession, { ...options.ports, signal }),
      test.y,
    );
    const { p50Ms, p95Ms, peakRssBytes, threads, runs, machine } = speeds[i] as BenchmarkFigures;
    const bytes = (files[i] as Uint8Array).byteLength;
    measured.push({
      bytes,
      ...figuresOf(model),
      accuracy,
      samples,
      p50Ms,
      p95Ms,
      peakRssBytes,
      threads,
      runs,
      machine,
    });
  }
  return measured as [Measurement, Measurement];
}

const percent = (x: number): string => `${(100 * x).toFixed(2)} %`;

/** Why a result is outside its budget; empty when it is inside. */
export function refusals(before: Measurement, after: Measurement, budget: Budget): string[] {
  const reasons: string[] = [];
  const drop = 100 * (before.accuracy - after.accuracy);
  if (drop > budget.maxAccuracyDropPoints + 1e-9) {
    reasons.push(
      `accuracy fell by ${drop.toFixed(2)} points, from ${percent(before.accuracy)} to ${percent(after.accuracy)}; ${budget.maxAccuracyDropPoints} are allowed`,
    );
  }
  const slower = after.p50Ms / before.p50Ms;
  if (slower > budget.maxLatencyRatio) {
    reasons.push(
      `p50 latency is ${after.p50Ms.toFixed(4)} ms, ${slower.toFixed(2)} times the source's ${before.p50Ms.toFixed(4)} ms; ${budget.maxLatencyRatio} is allowed`,
    );
  }
  const larger = after.bytes / before.bytes;
  if (larger > budget.maxSizeRatio)
    reasons.push(
      `the size is ${after.bytes} bytes, ${larger.toFixed(2)} times the source's ${before.bytes}; ${budget.maxSizeRatio} is allowed`,
    );
  return reasons;
}
