/** The network that is to learn: cut from the model, built, or read. */
import type { RecipePass } from '@verge/contracts';
import { decodeModel, openModel, type Model, normalise } from '@verge/onnx';
import { architectureProblems, boundToSamples, buildArchitecture } from '@verge/training';
import { CompressionError } from '../../errors.js';
import type { PassContext, PassResult } from '../pass.js';
import { someFeeds } from '../prune-filters/costs.js';
import { pruneFilters } from '../prune-filters/prune.js';
import { inPlaceOf } from './interface.js';

export type Student = Extract<RecipePass, { pass: 'distil' }>['student'];
type Made = Pick<PassResult, 'model' | 'changes' | 'declined'> & { notes: string[] };

/** Sizes of each output for a few samples, by name. */
async function outputSizes(model: Model, context: PassContext): Promise<Record<string, readonly number[]>> {
  const bound = boundToSamples(model, context.train, context.ports);
  const session = await openModel(context.createSession, bound);
  try {
    const outputs = await session.run(someFeeds(bound, context));
    return Object.fromEntries(Object.entries(outputs).map(([name, { dims }]) => [name, dims]));
  } finally {
    await session.release();
  }
}

const shown = (dims: readonly number[] | undefined): string => `[${dims?.join(', ') ?? ''}]`;

/** @throws CompressionError `unsuitable-model` where outputs differ in size, but for the samples of one run */
async function checkOutputs(student: Model, source: Model, context: PassContext): Promise<void> {
  const [given, wanted] = [await outputSizes(student, context), await outputSizes(source, context)];
  const problems = Object.entries(wanted).flatMap(([name, dims]) =>
    given[name]?.slice(1).join() === dims.slice(1).join()
      ? []
      : [`the student's '${name}' is ${shown(given[name])}, the model's ${shown(dims)}`],
  );
  if (problems.length > 0) throw new CompressionError('unsuitable-model', problems.join('; '), { problems });
}

async function narrower(source: Model, width: number, multiple: number, context: PassContext): Promise<Made> {
  const made = await pruneFilters(
    source,
    {
      ...{ ratio: 1 - width, scope: 'layer', importance: 'magnitude', norm: 2, multiple, scoreBatches: 1 },
      fineTune: { epochs: 0, batchSize: 1, seed: 1, optimizer: { name: 'sgd', learningRate: 1, momentum: 0, nesterov: false, weightDecay: 0 } }, // prettier-ignore
    },
    { ...context, onProgress: () => undefined },
  );
  return { ...made, notes: made.notes ?? [] };
}

async function built(
  source: Model,
  { architecture, params, init }: Extract<Student, { from: 'architecture' }>,
  seed: number,
  context: PassContext,
): Promise<Model> {
  // prettier-ignore
  const problems = architectureProblems(architecture, params).map((problem) => `student.${problem}`);
  if (problems.length > 0) throw new CompressionError('bad-recipe', problems.join('; '), { problems });
  const name = context.ports?.output ?? source.graph.outputs[0]?.name ?? '';
  const classes = (await outputSizes(source, context))[name]?.at(-1) ?? 0;
  return buildArchitecture(architecture, { input: context.train.shape, classes, params, ...(init && { init }) }, seed);
}

async function read(file: string, { readModel }: PassContext): Promise<{ model: Model; repairs: number }> {
  if (!readModel) throw new CompressionError('bad-recipe', `student.onnx: '${file}' cannot be read here`);
  const { model, repairs } = normalise(decodeModel(await readModel(file)));
  return { model, repairs: repairs.length };
}

/**
 * The student before it learns, with the source's inputs and outputs.
 * @param block what kept counts of a narrower copy are rounded up to where the recipe says nothing
 * @param seed of weights that are drawn
 * @throws CompressionError `bad-recipe` for an architecture or a parameter that there is not, `unsuitable-model` where the student has other
 *   inputs or outputs; OnnxError for a file that is no model
 */
export async function studentOf(
  source: Model,
  student: Student,
  { block, seed }: { block: number; seed: number },
  context: PassContext,
): Promise<Made> {
  if (student.from === 'narrower') return narrower(source, student.width, student.multiple ?? block, context);
  const { model, repairs } =
    student.from === 'onnx'
      ? await read(student.onnx, context)
      : { model: await built(source, student, seed, context), repairs: 0 };
  const placed = inPlaceOf(model, source);
  await checkOutputs(placed, source, context);
  return { model: placed, changes: { ...(repairs > 0 && { repairs }) }, declined: [], notes: [] };
}
