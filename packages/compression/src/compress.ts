/** A recipe carried out: passes in order, then source and result measured side by side and held against the budget. */
import { CompressionReport, DeviceClass, type QualityTask, Recipe, type RecipePass } from '@verge/contracts';
import { checkSamples, type Samples } from '@verge/data';
import {
  belongsOnShelf,
  decodeModel,
  type KernelTimer,
  type Model,
  type ModelOpener,
  normalise,
  openModel,
  type Scratch,
  type SessionFactory,
} from '@verge/onnx';
import { type Benchmark, type Measured, type MeasuredModel, measureModels, type PortOptions } from '@verge/training';
import { CompressionError, checkCancelled } from './errors.js';
import { bytesOf, heldModel, sizeOf } from './held-model.js';
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

/** A model that is read when the compression begins, so that nobody else need hold its weights meanwhile. */
export interface UnreadModel {
  /** Bytes of its file, and of those beside it that hold its weights. */
  readonly bytes: number;
  read(): Promise<Model>;
}

export interface CompressOptions {
  /** Repaired first where it breaks rules; the report has a pass 'normalise' then, with the repairs by code. */
  model: Uint8Array | UnreadModel;
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
  /**
   * Where the weights of a large model lie between passes, and its sessions map them from. Without it they are in memory, several
   * times in places. What `compressModel` gives reads its weights from there: it may go when the model was written.
   */
  scratch?: Scratch;
  onProgress?: (progress: CompressProgress) => void;
  signal?: AbortSignal;
}

export interface Compressed {
  model: Uint8Array;
  report: CompressionReport;
}

export interface CompressedModel {
  /** Its weights are read from `scratch` where they are asked for, if it has many. */
  model: Model;
  report: CompressionReport;
}

/**
 * A recipe carried out on a model of any size.
 * @throws CompressionError `bad-recipe` naming every bad field, `cancelled`, `unsuitable-model` and the others of the passes.
 */
export async function compressModel(options: CompressOptions): Promise<CompressedModel> {
  const { held, report } = await cancellable(options);
  return { model: held.model, report };
}

/** The same with the result as bytes: at most 2 GiB. @throws as `compressModel` */
export async function compress(options: CompressOptions): Promise<Compressed> {
  const { held, report } = await cancellable(options);
  return { model: bytesOf(held), report };
}

interface Done {
  readonly held: MeasuredModel;
  readonly report: CompressionReport;
}

async function cancellable(options: CompressOptions): Promise<Done> {
  try {
    return await carryOut(options);
  } catch (cause) {
    // Whatever was at work when the signal came reports it in its own words.
    if (options.signal?.aborted && !(cause instanceof CompressionError)) checkCancelled(options.signal);
    throw cause;
  }
}

async function carryOut(options: CompressOptions): Promise<Done> {
  const recipe = parsed(Recipe, options.recipe, 'recipe');
  const target = parsed(DeviceClass, options.target, 'target');
  for (const part of Object.values(options.data)) checkSamples(part);
  checkParts(recipe.passes, options.data);
  const { held: source, report: repaired } = await mended(options);
  const ordered = inOrder(recipe.passes);
  const stages = ordered.length + 1;
  const passes: CompressionReport['passes'] = repaired ? [repaired] : [];
  let held = source;
  for (const [index, { pass, moved }] of ordered.entries()) {
    const report = (fraction: number): void =>
      options.onProgress?.({ stage: pass.pass, index, stages, fraction: (index + fraction) / stages });
    const context = { ...options, ...options.data, original: source.model, onProgress: report };
    const carried = await carryOutPass({ model: held.model, size: sizeOf(held) }, pass, target, context, moved);
    passes.push(carried.report);
    ({ held } = carried);
  }
  const [before, after] = await measure([source, held], target, {
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
  return { held, report: CompressionReport.parse(report) };
}

interface Mended {
  readonly held: MeasuredModel;
  readonly report: CompressionReport['passes'][number] | null;
}

/** The model as the rules want it, and what had to be repaired for that, told as a pass. Its size stays that of the file that was given. */
async function mended({ model: given, scratch }: CompressOptions): Promise<Mended> {
  const from = performance.now();
  const inMemory = given instanceof Uint8Array;
  const { model, repairs } = normalise(inMemory ? decodeModel(given) : await given.read());
  const bytes = inMemory ? given.byteLength : given.bytes;
  const held =
    inMemory && !belongsOnShelf(scratch, model)
      ? { model, file: given }
      : withSize(await heldModel(model, scratch), bytes);
  scratch?.collect();
  if (repairs.length === 0) return { held, report: null };
  const changes: Record<string, number> = {};
  for (const { code } of repairs) changes[code] = (changes[code] ?? 0) + 1;
  const seconds = (performance.now() - from) / 1000;
  return { held, report: { pass: 'normalise', seconds, bytesBefore: bytes, bytesAfter: bytes, changes, declined: [] } };
}

const withSize = (held: MeasuredModel, bytes: number): MeasuredModel =>
  held.file instanceof Uint8Array ? held : { ...held, file: { ...held.file, bytes } };

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
  models: readonly [MeasuredModel, MeasuredModel],
  target: DeviceClass,
  { data, ports, task, createSession, benchmark, signal, scratch }: CompressOptions,
): Promise<[Measured['measurement'], Measured['measurement']]> {
  checkCancelled(signal);
  if (scratch) {
    // What was read from the disk may only be let go of in a later turn of the event loop (ECMA-262, WeakRef).
    await new Promise(setImmediate);
    scratch.collect();
  }
  const { threads } = target;
  const apart = models.some(({ file }) => !(file instanceof Uint8Array));
  const open: ModelOpener = (model, how) => openModel(createSession, model, how);
  const how = { ...ports, ...(task && { task }), ...(signal && { signal }), threads, createSession, benchmark };
  const [before, after] = await measureModels(models, data.test, { ...how, ...(apart && { open }) });
  return [before!.measurement, after!.measurement];
}
