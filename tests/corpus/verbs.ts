/** One model through inspect, simplify, partition and a training step. What a verb gives is held to what ONNX Runtime gives for the model as it is, without optimising. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type NpyArray, readNpzArrays } from '@verge/data';
import {
  chainStages,
  decodeModel,
  encodeModel,
  externalLocations,
  type Graph,
  loadExternalData,
  type Model,
  partition,
  type Session,
  simplify,
  subgraphs,
  summarize,
  type Tensor,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { fit } from '@verge/training';

/** 'ok', or why not in one line. */
export type Verdict = string;

export interface Coverage {
  readonly name: string;
  readonly nodes: number | null;
  readonly simplified: number | null;
  readonly inspect: Verdict;
  readonly simplify: Verdict;
  readonly partition: Verdict;
  /** '-' where no parameter is a float. */
  readonly train: Verdict;
}

export const verbs = ['inspect', 'simplify', 'partition', 'train'] as const;

/** Largest |a - b| over the largest |a| of an output that counts as equal: fused sums are added up in another order. */
const RELATIVE = 1e-4;
const ABSOLUTE = 1e-5;

/** What ONNX Runtime would make of both is not what is compared. */
const asItIs = { optimization: 'disabled' } as const;

/** Nodes, those of subgraphs too; constants are not counted, as tools differ in where they keep them. */
export function countNodes(graph: Graph): number {
  const nodes = graph.nodes.filter((node) => node.op !== 'Constant');
  return nodes.reduce((n, node) => n + 1 + subgraphs(node).reduce((m, sub) => m + countNodes(sub), 0), 0);
}

const short = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!.replaceAll('|', '/').slice(0, 160);

async function verdict(work: () => Promise<void>): Promise<Verdict> {
  try {
    await work();
    return 'ok';
  } catch (error) {
    return short(error);
  }
}

async function load(path: string): Promise<Model> {
  const model = decodeModel(await readFile(path));
  const files = new Map<string, Uint8Array>();
  for (const location of externalLocations(model)) files.set(location, await readFile(join(dirname(path), location)));
  return loadExternalData(model, files);
}

/** The stored array as the type that the model's input has. */
function asTensor({ dims, data }: NpyArray, dtype: string): Tensor {
  const numbers = data as ArrayLike<number | bigint>;
  if (dtype === 'int64')
    return { dtype, dims, data: BigInt64Array.from({ length: numbers.length }, (_, i) => BigInt(numbers[i]!)) };
  if (dtype === 'int32')
    return { dtype, dims, data: Int32Array.from({ length: numbers.length }, (_, i) => Number(numbers[i])) };
  if (dtype === 'float64')
    return { dtype, dims, data: Float64Array.from({ length: numbers.length }, (_, i) => Number(numbers[i])) };
  if (dtype === 'float32')
    return { dtype, dims, data: Float32Array.from({ length: numbers.length }, (_, i) => Number(numbers[i])) };
  throw new Error(`an input of ${dtype} is not stored here`);
}

async function feedsOf(model: Model, path: string): Promise<Record<string, Tensor>> {
  const arrays = await readNpzArrays(path);
  const strings = path.replace(/npz$/, 'strings.json');
  const feeds: Record<string, Tensor> = {};
  if (existsSync(strings)) {
    const texts = JSON.parse(await readFile(strings, 'utf8')) as Record<string, { dims: number[]; data: string[] }>;
    for (const [name, text] of Object.entries(texts)) feeds[name] = { dtype: 'string', ...text };
  }
  for (const { name, type } of model.graph.inputs) {
    if (feeds[name]) continue;
    const array = arrays.get(name);
    if (model.graph.initializers.has(name) && !array) continue;
    if (!array || type?.kind !== 'tensor' || !type.dtype) throw new Error(`no value for the input '${name}'`);
    feeds[name] = asTensor(array, type.dtype);
  }
  return feeds;
}

async function outputs(session: Session, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

function assertEqual(expected: Record<string, Tensor>, got: Record<string, Tensor>): void {
  for (const [name, a] of Object.entries(expected)) {
    const b = got[name];
    if (!b) throw new Error(`output '${name}' is missing`);
    if (a.dtype !== b.dtype || a.dims.join() !== b.dims.join())
      throw new Error(`output '${name}' is ${b.dtype} [${b.dims.join()}], not ${a.dtype} [${a.dims.join()}]`);
    if (a.dtype === 'string') {
      if ((a.data as readonly string[]).some((text, i) => text !== b.data[i]))
        throw new Error(`output '${name}' differs`);
      continue;
    }
    let [apart, largest] = [0, 0];
    for (let i = 0; i < a.data.length; i++) {
      const [p, q] = [Number(a.data[i]), Number(b.data[i])];
      if (Number.isFinite(p)) largest = Math.max(largest, Math.abs(p));
      if (p === q || (Number.isNaN(p) && Number.isNaN(q))) continue;
      apart = Math.max(apart, Number.isNaN(p - q) ? Infinity : Math.abs(p - q));
    }
    if (apart > ABSOLUTE + RELATIVE * largest)
      throw new Error(
        `output '${name}' is ${apart.toPrecision(3)} off, its largest number is ${largest.toPrecision(3)}`,
      );
  }
}

/** Whether something in a graph can be trained: floats, or the quantised weights of operators on quantised numbers. */
function hasFloats(graph: Graph): boolean {
  if (graph.nodes.some(({ op }) => op === 'QLinearConv' || op === 'QLinearMatMul' || op === 'QGemm')) return true;
  const stored = [...graph.initializers.values()].map(({ value }) => value);
  for (const node of graph.nodes) {
    const value = node.op === 'Constant' ? node.attributes.get('value') : undefined;
    if (value?.kind === 'tensor') stored.push(value.value.value);
    if (subgraphs(node).some(hasFloats)) return true;
  }
  return stored.some(({ dtype, dims }) => (dtype === 'float32' || dtype === 'float16') && dims.length > 0);
}

/** A stored input as samples: values, and the shape of one. */
function samplesOf({ dims, dtype, data }: Tensor): { values: Float32Array | Int32Array; shape: readonly number[] } {
  const numbers = Array.from(data as ArrayLike<number | bigint>, Number);
  const whole = dtype === 'int64' || dtype === 'int32';
  return { values: whole ? Int32Array.from(numbers) : Float32Array.from(numbers), shape: dims.slice(1) };
}

/** The number that every element of an input is, where it is one. */
function constantOf({ data }: Tensor): number | undefined {
  const [first, ...rest] = Array.from(data as ArrayLike<number | bigint>, Number);
  return rest.every((n) => n === first) ? first : undefined;
}

/**
 * One step towards numbers near those of the first output of floats that has a row for each sample; parameters must move and the
 * loss be a number. The first input says how many samples there are; inputs without a row for each hold one number: theirs, or 0 as a
 * recurrent network's state does at the beginning.
 */
async function trainOnce(model: Model, feeds: Record<string, Tensor>, truth: Record<string, Tensor>): Promise<void> {
  const [[main, input] = [], ...others] = Object.entries(feeds);
  const batch = input?.dims[0];
  if (!main || batch === undefined) throw new Error('its first input has no axis');
  const output = model.graph.outputs
    .map((o) => o.name)
    .find((o) => truth[o]?.dtype === 'float32' && truth[o].dims[0] === batch);
  if (output === undefined) throw new Error('no output holds floats for each sample');
  const inputs: Record<string, ReturnType<typeof samplesOf>> = {};
  const fixedInputs: Record<string, number> = {};
  for (const [name, tensor] of others) {
    const perSample = tensor.dims.length > 0 && tensor.dims[0] === batch;
    if (perSample) inputs[name] = samplesOf(tensor);
    else fixedInputs[name] = constantOf(tensor) ?? 0;
  }
  const { values: x, shape } = samplesOf(input!);
  const wanted = truth[output]!.data as Float32Array;
  const samples = {
    ...{ x, shape, inputs, y: new Int32Array(batch) },
    targets: wanted.map((n) => (Number.isFinite(n) ? n + 0.1 : 0)),
  };
  const { model: trained, history } = await fit({
    model,
    createSession,
    train: samples,
    validation: samples,
    epochs: 1,
    batchSize: batch,
    optimizer: { name: 'sgd', learningRate: 0.01 },
    loss: { kind: 'mse' },
    keep: 'last',
    ...{ output, fixedInputs },
  });
  if (!history.every(({ valLoss }) => Number.isFinite(valLoss))) throw new Error('its loss is no number');
  const before = model.graph.initializers;
  const moved = [...trained.graph.initializers].some(([name, { value }]) => {
    const old = before.get(name)?.value;
    return (
      !old ||
      !('data' in old) ||
      !('data' in value) ||
      value.dtype !== 'float32' ||
      value.data.some((n, i) => n !== old.data[i])
    );
  });
  if (!moved) throw new Error('no parameter moved');
}

/** @param folder holds NAME.onnx and NAME.npz */
export async function coverageOf(folder: string, name: string): Promise<Coverage> {
  const row = { name, nodes: null, simplified: null };
  let model: Model;
  let feeds: Record<string, Tensor>;
  let truth: Record<string, Tensor>;
  try {
    model = await load(join(folder, `${name}.onnx`));
    feeds = await feedsOf(model, join(folder, `${name}.npz`));
    truth = await outputs(await createSession(encodeModel(model), asItIs), feeds);
  } catch (error) {
    const reason = `cannot be run: ${short(error)}`;
    return { ...row, inspect: reason, simplify: reason, partition: reason, train: reason };
  }
  let simplified: number | null = null;
  return {
    name,
    nodes: countNodes(model.graph),
    inspect: await verdict(async () => {
      const { outputs: shown } = summarize(model);
      const open = shown.filter(({ dtype, shape, type }) => !type && (!dtype || !shape)).map((output) => output.name);
      if (open.length > 0) throw new Error(`no type or rank of ${open.join(', ')}`);
    }),
    simplify: await verdict(async () => {
      const result = await simplify(model, createSession, { verify: false });
      assertEqual(truth, await outputs(await createSession(encodeModel(result.model), asItIs), feeds));
      simplified = countNodes(result.model.graph);
    }),
    partition: await verdict(async () => {
      const { stages } = partition(model, { stages: countNodes(model.graph) > 1 ? 2 : 1 });
      assertEqual(truth, await outputs(await chainStages(model, stages, createSession, asItIs), feeds));
    }),
    train: hasFloats(model.graph) ? await verdict(() => trainOnce(model, feeds, truth)) : '-',
    simplified,
  };
}
