/** A recipe carried out: passes in order, then source and result measured side by side and held against the budget. */
import { CompressionReport, DeviceClass, type QualityTask, Recipe, type RecipePass } from '@verge/contracts';
import { checkSamples, type Samples } from '@verge/data';
import { decodeModel, type KernelTimer, type Model, normalise, type SessionFactory } from '@verge/onnx';
import { type Benchmark, type Measured, measureModels, type PortOptions } from '@verge/training';
import { CompressionError, checkCancelled } from './errors.js';
import { refusals } from './measure/gate.js';
import { withSecondLook } from './measure/second-look.js';
import { parsed } from './parsed.js';
import { carryOutPass } from './passes/carry-out.js';
import { inOrder } from './passes/order.js';
import { needsOf } from './passes/table.js';

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
  /**
   * `train` scores, tunes and calibrates, `validation` chooses among epochs, `test` is only measured. Labels are needed where a pass
   * learns from them; without them the result is judged by how near it is to the source model.
   */
  data: { train: Samples; validation: Samples; test: Samples };
  /** What is said of the model's inputs and outputs where the file leaves it open; the result has the same. */
  ports?: PortOptions;
  /** What the model is for, where it is known: see `QualityAims` of the training package. */
  task?: QualityTask | 'other';
  createSession: SessionFactory;
  benchmark: Benchmark;
  /** Times kernels on this machine, for passes that choose by that; runtime's `profileKernels` is one. */
  timeKernels?: KernelTimer;
  /** Further ONNX files that the recipe names, a student say: a path here, a digest there. */
  readModel?: (name: string) => Promise<Uint8Array>;
  onProgress?: (progress: CompressProgress) => void;
  signal?: AbortSignal;
}

export interface Compressed {
  model: Uint8Array;
  report: CompressionReport;
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
  const recipe = parsed(Recipe, options.recipe, 'recipe');
  const target = parsed(DeviceClass, options.target, 'target');
  for (const part of Object.values(options.data)) checkSamples(part);
  checkParts(recipe.passes, options.data);
  const { model: source, report: repaired } = mended(options.model);
  const ordered = inOrder(recipe.passes);
  const stages = ordered.length + 1;
  const passes: CompressionReport['passes'] = repaired ? [repaired] : [];
  let model = source;
  let bytes = options.model;
  for (const [index, { pass, moved }] of ordered.entries()) {
    const report = (fraction: number): void =>
      options.onProgress?.({ stage: pass.pass, index, stages, fraction: (index + fraction) / stages });
    const context = { ...options, ...options.data, original: source, onProgress: report };
    const carried = await carryOutPass({ model, size: bytes.byteLength }, pass, target, context, moved);
    passes.push(carried.report);
    ({ model, bytes } = carried);
  }
  const [before, after] = await measure([options.model, bytes], [source, model], target, {
    ...options,
    benchmark: withSecondLook(options.benchmark, recipe.budget.maxLatencyRatio),
  });
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

/** The parts that the passes of a recipe cannot do without; the test part is measured whatever they are. */
export function partsNeeded({ passes }: Pick<Recipe, 'passes'>): readonly ('train' | 'validation' | 'test')[] {
  const all = new Set(passes.flatMap((pass) => needsOf(pass).parts));
  return [...(['train', 'validation'] as const).filter((part) => all.has(part)), 'test'];
}

/** @throws CompressionError `bad-samples` naming every part that is empty, or not labelled, and the pass that needs it */
function checkParts(passes: readonly RecipePass[], data: CompressOptions['data']): void {
  const problems = passes.flatMap((pass) => {
    const { parts, labels } = needsOf(pass);
    return parts.flatMap((part) => {
      if (data[part].y.length === 0) return [`the ${part} part is empty, and '${pass.pass}' needs it`];
      const labelled = data[part].labels.length > 0;
      return labels && !labelled ? [`the ${part} part has no labels, from which '${pass.pass}' learns`] : [];
    });
  });
  if (problems.length > 0) throw new CompressionError('bad-samples', problems.join('; '), { problems });
}

async function measure(
  files: readonly [Uint8Array, Uint8Array],
  models: readonly [Model, Model],
  target: DeviceClass,
  { data, ports, task, createSession, benchmark, signal }: CompressOptions,
): Promise<[Measured['measurement'], Measured['measurement']]> {
  checkCancelled(signal);
  const { threads } = target;
  const both = models.map((model, i) => ({ model, file: files[i] as Uint8Array }));
  const how = { ...ports, ...(task && { task }), ...(signal && { signal }), threads, createSession, benchmark };
  const [before, after] = await measureModels(both, data.test, how);
  return [before!.measurement, after!.measurement];
}
