/** One model through every verb that takes a model. What a verb gives is held to what ONNX Runtime gives for the model as it is, without optimising. */
import { join } from 'node:path';
import { TensorSpec } from '@verge/contracts';
import {
  carriedForm,
  chainStages,
  convertOpset,
  encodeModel,
  type Graph,
  type Model,
  opsetVersion,
  partition,
  prepare,
  simplify,
  subgraphs,
  summarize,
  type Tensor,
} from '@verge/onnx';
import { benchmarkModel, createSession, modelPorts } from '@verge/runtime';
import { compressOnce } from './compressed.js';
import { asItIs, assertEqual, feedsOf, load, outputs, relativeOf } from './model.js';
import { evaluateSelf, hasFloats, predictAll, trainOnce } from './samples.js';

/** 'ok', why not in one line, or '-' where the verb has nothing to do: no parameter, no class, no layer, no default operator set. */
export type Verdict = string;

export const verbs = [
  'inspect',
  'simplify',
  'partition',
  'convert',
  'benchmark',
  'predict',
  'evaluate',
  'import',
  'train',
  'compress',
] as const;

export type Verb = (typeof verbs)[number];

export interface Coverage extends Readonly<Record<Verb, Verdict>> {
  readonly name: string;
  readonly nodes: number | null;
  readonly simplified: number | null;
}

/** Nodes, those of subgraphs too; constants are not counted, as tools differ in where they keep them. */
export function countNodes(graph: Graph): number {
  const nodes = graph.nodes.filter((node) => node.op !== 'Constant');
  return nodes.reduce((n, node) => n + 1 + subgraphs(node).reduce((m, sub) => m + countNodes(sub), 0), 0);
}

const short = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!.replaceAll('|', '/').slice(0, 160);

async function verdict(work: () => Promise<unknown>): Promise<Verdict> {
  try {
    return (await work()) === false ? '-' : 'ok';
  } catch (error) {
    return short(error);
  }
}

/** What work of a model is not asked for: '-' instead of a verdict. */
const only = (asked: boolean, work: () => Promise<unknown>): Promise<Verdict> =>
  asked ? verdict(work) : Promise.resolve('-');

/** Where a model is converted to; one that is there already goes to the one that comes next with changes. */
const CONVERTED = [21, 23] as const;

interface Case {
  readonly model: Model;
  readonly feeds: Record<string, Tensor>;
  readonly truth: Record<string, Tensor>;
  readonly relative: number;
}

/** Expects another form of the model to give the same numbers. */
async function same({ feeds, truth, relative }: Case, form: Model): Promise<void> {
  assertEqual(truth, await outputs(await createSession(encodeModel(form), asItIs), feeds), relative);
}

function inspect({ model }: Case): void {
  const { outputs: shown } = summarize(model);
  const open = shown.filter(({ dtype, shape, type }) => !type && (!dtype || !shape)).map((output) => output.name);
  if (open.length > 0) throw new Error(`no type or rank of ${open.join(', ')}`);
}

async function benchmark({ model }: Case): Promise<void> {
  const { p50Ms } = await benchmarkModel({ model: encodeModel(model), runs: 1, warmup: 0, minRoundMs: 0 });
  if (!(p50Ms > 0)) throw new Error('it took no time');
}

/** The ports of the model as an import declares them. */
function imported({ model }: Case): void {
  const { inputs, outputs: given } = modelPorts(carriedForm(prepare(model).model).model);
  TensorSpec.array().min(1).parse(inputs);
  TensorSpec.array().min(1).parse(given);
}

/** @param folder holds NAME.onnx and NAME.npz */
export async function coverageOf(folder: string, name: string): Promise<Coverage> {
  let one: Case;
  try {
    const model = await load(join(folder, `${name}.onnx`));
    const feeds = await feedsOf(model, join(folder, `${name}.npz`));
    const truth = await outputs(await createSession(encodeModel(model), asItIs), feeds);
    one = { model, feeds, truth, relative: relativeOf(model) };
  } catch (error) {
    const reason = `cannot be run: ${short(error)}`;
    const none = Object.fromEntries(verbs.map((verb) => [verb, reason])) as Record<Verb, Verdict>;
    return { name, nodes: null, simplified: null, ...none };
  }
  const { model, feeds, truth, relative } = one;
  const floats = hasFloats(model.graph);
  const floatOutputs = Object.values(truth).some(({ dtype }) => dtype === 'float32');
  let simplified: number | null = null;
  return {
    name,
    nodes: countNodes(model.graph),
    inspect: await verdict(() => Promise.resolve(inspect(one))),
    simplify: await verdict(async () => {
      const result = await simplify(model, createSession, { verify: false });
      await same(one, result.model);
      simplified = countNodes(result.model.graph);
    }),
    partition: await verdict(async () => {
      const { stages } = partition(model, { stages: countNodes(model.graph) > 1 ? 2 : 1 });
      assertEqual(truth, await outputs(await chainStages(model, stages, createSession, asItIs), feeds), relative);
    }),
    convert: await verdict(async () => {
      const { model: normal } = prepare(model);
      if (opsetVersion(normal) === null) return false;
      const to = CONVERTED.find((opset) => opset !== opsetVersion(normal))!;
      await same(one, convertOpset(normal, to).model);
      return true;
    }),
    benchmark: await verdict(() => benchmark(one)),
    predict: await only(floatOutputs, () => predictAll(model, feeds, relative)),
    evaluate: await verdict(() => evaluateSelf(model, feeds)),
    import: await verdict(() => Promise.resolve(imported(one))),
    train: await only(floats, () => trainOnce(model, feeds, truth)),
    compress: await only(floats, () => compressOnce(model, feeds, truth)),
    simplified,
  };
}
