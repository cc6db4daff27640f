/** What of a model pruning is to save: multiply-accumulates, or the time of its kernels where those of the target are here. */
import type { DeviceClass } from '@verge/contracts';
import { encodeModel, figuresOf, type Model, type Node, summarize } from '@verge/onnx';
import { boundToSamples, sampleFeeds, sizesOf } from '@verge/training';
import { CompressionError } from '../../errors.js';
import { nodeName } from '../../graph/index-of-values.js';
import type { PassContext } from '../pass.js';
import { labelled, placeOf, timesOfNodes } from '../quantize-static/auto/labels.js';

/** Where latency counts: the class that the result is for. */
export type TimedTarget = Pick<DeviceClass, 'arch' | 'threads'>;

export interface Cost {
  /** 'multiply-accumulates' or 'milliseconds of kernels'. */
  readonly unit: string;
  /** Halvings of a search that are worth it: a measured time is not known to a thousandth. */
  readonly halvings: number;
  of(model: Model): number | Promise<number>;
}

/** The shape of a sample by input. */
export function shapesOf(model: Model, { train }: Pick<PassContext, 'train'>): Record<string, readonly number[]> {
  const further = Object.entries(train.inputs ?? {}).map(([name, { shape }]) => [name, shape] as const);
  const main = model.graph.inputs.find(
    ({ name }) => !model.graph.initializers.has(name) && !Object.hasOwn(train.inputs ?? {}, name),
  );
  return Object.fromEntries([...(main ? [[main.name, train.shape] as const] : []), ...further]);
}

/** @returns null where they are not known */
export const macsOf = (model: Model, context: PassContext): number | null =>
  figuresOf(model, { samples: shapesOf(model, context) }).macs;

/** Multiply-accumulates of one sample. @throws CompressionError `unsuitable-model` where they cannot be counted */
export const workOf = (context: PassContext): Cost => ({
  unit: 'multiply-accumulates',
  halvings: 10,
  of: (model) => {
    const macs = macsOf(model, context);
    if (macs !== null) return macs;
    const message = 'the multiply-accumulates of the model are not known: expected `ratio`';
    throw new CompressionError('unsuitable-model', message);
  },
});

/** One row, or as many as the model takes at once, as feeds of a model that is bound to the samples. */
export function someFeeds(bound: Model, { train }: PassContext, rows = 1): ReturnType<typeof sampleFeeds> {
  const type = bound.graph.inputs.find((input) => !bound.graph.initializers.has(input.name))?.type;
  const batch = type?.kind === 'tensor' ? type.shape?.[0] : null;
  return sampleFeeds(bound, train, 0, Math.min(typeof batch === 'number' ? batch : rows, train.y.length));
}

/**
 * What is said where a class's kernels are not here.
 * @throws CompressionError `bad-recipe`
 */
function refuseElsewhere({ timeKernels }: PassContext, target: TimedTarget | undefined): void {
  if (timeKernels && target) return;
  const why =
    target && target.arch !== process.arch
      ? `this machine is ${process.arch}, the class ${target.arch}`
      : 'nothing here times kernels of the class: the 8-bit instructions of this machine may be others';
  const problems = [`latency: to be measured on the device (${why}); expected \`macs\` or \`ratio\``];
  throw new CompressionError('bad-recipe', problems.join('; '), { problems });
}

/**
 * The sum of the times of a model's kernels, as they are fused here.
 * @throws CompressionError `bad-recipe` where the target's are not here
 */
export function timeOf(context: PassContext, target: TimedTarget | undefined): Cost {
  refuseElsewhere(context, target);
  const { timeKernels, ports, train, signal } = context;
  const how = { threads: target!.threads, ...(signal && { signal }) };
  return {
    unit: 'milliseconds of kernels',
    halvings: 6,
    of: async (model) => {
      const bound = boundToSamples(model, train, ports);
      const kernels = await timeKernels!(encodeModel(bound), someFeeds(bound, context), how);
      return kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    },
  };
}

/** Median milliseconds of whole models, measured in turns; null without what measures them. */
export async function wholeTimes(
  models: readonly Model[],
  { benchmark, ports, train, signal }: PassContext,
  { threads }: TimedTarget,
): Promise<number[] | null> {
  if (!benchmark) return null;
  const feeds = sizesOf(train, { fixedInputs: ports?.fixedInputs, dims: ports?.dims });
  const figures = await benchmark(models.map(encodeModel), { threads, feeds, rounds: 25, ...(signal && { signal }) });
  return figures.map(({ p50Ms }) => p50Ms);
}

/** Multiply-accumulates of each node, by its name; 0 of one that has none, or of which they are not known. */
export function workByNode(model: Model, context: PassContext): Map<string, number> {
  const shapes = shapesOf(model, context);
  const dims = Object.fromEntries(
    model.graph.inputs.flatMap(({ name, type }) => {
      const sizes = type?.kind === 'tensor' ? (type.shape ?? []).slice(1) : [];
      const known = shapes[name] ?? [];
      return sizes.flatMap((size, i): [string, number][] =>
        known[i] === undefined ? [] : [[typeof size === 'string' ? size : `${name}[${i + 1}]`, known[i]]],
      );
    }),
  );
  // Layers are the nodes without those that are constants.
  const nodes = model.graph.nodes.filter(({ op }) => op !== 'Constant');
  return new Map(summarize(model, dims).layers.map(({ macs }, i) => [nodeName(nodes[i] as Node), macs ?? 0]));
}

/** Milliseconds that a multiply-accumulate of each node takes as it is fused here, by the node's name; 0 of one that is not timed. */
export async function ratesByNode(
  model: Model,
  context: PassContext,
  target: TimedTarget,
): Promise<ReadonlyMap<string, number>> {
  const { timeKernels, ports, train, signal } = context;
  const work = workByNode(model, context);
  const source = labelled(model);
  const working = source.graph.nodes.filter((_, i) => (work.get(nodeName(model.graph.nodes[i] as Node)) ?? 0) > 0);
  const bound = boundToSamples(source, train, ports);
  const how = { threads: target.threads, ...(signal && { signal }) };
  const kernels = await timeKernels!(encodeModel(bound), someFeeds(bound, context), how);
  const times = timesOfNodes(kernels, source, working).of;
  return new Map(
    working.map((node) => {
      const name = nodeName(model.graph.nodes[placeOf(node)] as Node);
      return [name, (times.get(placeOf(node)) ?? 0) / (work.get(name) as number)];
    }),
  );
}
