/** The verbs that take samples: the stored inputs of a model are its samples. */
import type { Samples } from '@verge/data';
import { encodeModel, type Graph, type Model, subgraphs, type Tensor } from '@verge/onnx';
import { classOutput, createSession, openSession } from '@verge/runtime';
import { fit, measureQuality, openSubject, predict } from '@verge/training';
import { asTensor, assertEqual, outputs } from './model.js';

export type Tensors = Readonly<Record<string, Tensor>>;

/** Whether something in a graph can be trained: floats, or the quantised weights of operators on quantised numbers. */
export function hasFloats(graph: Graph): boolean {
  if (graph.nodes.some(({ op }) => op === 'QLinearConv' || op === 'QLinearMatMul' || op === 'QGemm')) return true;
  const stored = [...graph.initializers.values()].map(({ value }) => value);
  for (const node of graph.nodes) {
    const value = node.op === 'Constant' ? node.attributes.get('value') : undefined;
    if (value?.kind === 'tensor') stored.push(value.value.value);
    if (subgraphs(node).some(hasFloats)) return true;
  }
  return stored.some(({ dtype, dims }) => (dtype === 'float32' || dtype === 'float16') && dims.length > 0);
}

export const numbersOf = ({ data }: Tensor): number[] => Array.from(data as ArrayLike<number | bigint>, Number);

/** A stored input as samples: values, and the shape of one. */
function valuesOf(tensor: Tensor): { values: Float32Array | Int32Array; shape: readonly number[] } {
  const whole = tensor.dtype === 'int64' || tensor.dtype === 'int32';
  const numbers = numbersOf(tensor);
  return { values: whole ? Int32Array.from(numbers) : Float32Array.from(numbers), shape: tensor.dims.slice(1) };
}

/** The number that every element of an input is, where it is one. */
function constantOf(tensor: Tensor): number | undefined {
  const [first, ...rest] = numbersOf(tensor);
  return rest.every((n) => n === first) ? first : undefined;
}

export interface Fed {
  /** What the model is fed then: the stored inputs, those of one number in place of theirs. */
  readonly feeds: Record<string, Tensor>;
  readonly x: Float32Array | Int32Array;
  readonly shape: readonly number[];
  readonly batch: number;
  readonly inputs: Record<string, ReturnType<typeof valuesOf>>;
  readonly fixedInputs: Record<string, number>;
}

/**
 * The first input says how many samples there are; inputs without a row for each hold one number: theirs, or 0 as a recurrent
 * network's state does at the beginning.
 */
export function fedBy(feeds: Tensors): Fed {
  const [[main, input] = [], ...others] = Object.entries(feeds);
  const batch = input?.dims[0];
  if (!main || batch === undefined) throw new Error('its first input has no axis');
  const inputs: Fed['inputs'] = {};
  const fixedInputs: Record<string, number> = {};
  const fed = { ...feeds };
  for (const [name, tensor] of others) {
    if (tensor.dtype === 'string') throw new Error(`its input '${name}' holds texts`);
    if (tensor.dims.length > 0 && tensor.dims[0] === batch) inputs[name] = valuesOf(tensor);
    else {
      const value = (fixedInputs[name] = constantOf(tensor) ?? 0);
      if (constantOf(tensor) === undefined)
        fed[name] = asTensor(
          { dims: [...tensor.dims], data: new Float32Array(tensor.data.length).fill(value) },
          tensor.dtype,
        );
    }
  }
  const { values: x, shape } = valuesOf(input!);
  return { x, shape, batch, inputs, fixedInputs, feeds: fed };
}

/** The first output of floats that has a row for each sample. */
function floatOutput(model: Model, truth: Tensors, batch: number): string {
  const found = model.graph.outputs.find(
    ({ name }) => truth[name]?.dtype === 'float32' && truth[name].dims[0] === batch,
  );
  if (!found) throw new Error('no output holds floats for each sample');
  return found.name;
}

/** One step towards numbers near those of an output; parameters must move and the loss be a number. */
export async function trainOnce(model: Model, feeds: Tensors, truth: Tensors): Promise<void> {
  const { x, shape, batch, inputs, fixedInputs } = fedBy(feeds);
  const output = floatOutput(model, truth, batch);
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

/** Softmax over the last axis, in double precision. */
function softmax(logits: Float32Array, width: number): Float32Array {
  const result = new Float32Array(logits.length);
  for (let from = 0; from < logits.length; from += width) {
    const row = logits.subarray(from, from + width);
    const peak = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const total = row.reduce((sum, v) => sum + Math.exp(v - peak), 0);
    row.forEach((v, i) => (result[from + i] = Math.exp(v - peak) / total));
  }
  return result;
}

/** The numbers of the first float output for all samples; where it ends in a Softmax, those in front of it. */
export async function predictAll(model: Model, stored: Tensors, relative: number): Promise<void> {
  const { batch, fixedInputs, feeds, ...fed } = fedBy(stored);
  // Predictions are made with the runtime's optimisations, which round quantised numbers at other places.
  const truth = await outputs(await createSession(encodeModel(model), { optimization: 'all' }), feeds);
  const output = floatOutput(model, truth, batch);
  const samples = { ...fed, y: new Int32Array(batch) };
  const { logits } = await predict(model, samples, createSession, { output, fixedInputs, batch });
  const expected = truth[output]!;
  const same = (data: Float32Array): void =>
    assertEqual({ [output]: expected }, { [output]: { ...expected, data } as Tensor }, relative);
  try {
    same(logits);
  } catch (error) {
    // A Softmax at the end, or in front of a ZipMap, is cut off.
    const shares = softmax(logits, expected.dims.at(-1)!);
    const log = (expected.data as Float32Array).some((v) => v < 0);
    try {
      same(log ? shares.map((v) => Math.log(v)) : shares);
    } catch {
      throw error;
    }
  }
}

/** What the data's classes are called: as the model's labels, where it gives labels. */
export function labelled(fed: Fed, answers: readonly string[], classes: number): Samples {
  const { x, shape, inputs } = fed;
  const names = classes > 0 ? Array.from({ length: classes }, (_, i) => String(i)) : [...new Set(answers)].sort();
  const floats = Object.entries(inputs).map(([name, one]) => [name, { ...one, values: Float32Array.from(one.values) }]);
  return {
    ...{ x: Float32Array.from(x), shape, name: 'stored inputs', labels: names },
    y: Int32Array.from(answers, (answer) => names.indexOf(answer)),
    ...(floats.length > 0 && { inputs: Object.fromEntries(floats) as Samples['inputs'] }),
  };
}

function largestOf(scores: readonly number[], width: number): string[] {
  return Array.from({ length: scores.length / width }, (_, row) => {
    const own = scores.slice(row * width, (row + 1) * width);
    return String(own.indexOf(own.reduce((a, b) => Math.max(a, b), -Infinity)));
  });
}

/** The output that says classes, and what the model gives as sessions of the runtime carry it. */
async function answered(model: Uint8Array, feeds: Tensors) {
  const session = await openSession(model);
  try {
    return { said: classOutput(session.outputs), given: await session.run(feeds) };
  } finally {
    await session.release();
  }
}

/**
 * The classes that the model itself says are the true ones, so that it must be right about all of them.
 * @returns false where no output says classes
 */
export async function evaluateSelf(model: Model, stored: Tensors): Promise<boolean> {
  const fed = fedBy(stored);
  const bytes = encodeModel(model);
  const { said, given } = await answered(bytes, fed.feeds);
  // Rows of numbers that are longer than a list of classes, or of positions, are none of scores.
  if (!said || given[said.name]!.dims.length > 2) return false;
  // Labels name the classes; scores are in an order that only they tell.
  const output = given[said.name]!;
  const labels =
    said.kind === 'labels'
      ? output
      : Object.values(given).find(({ dtype, dims }) => dtype === 'string' || (dtype === 'int64' && dims.length === 1));
  const width = output.data.length / fed.batch;
  const named = labels && labels.data.length === fed.batch;
  const answers = named ? Array.from(labels.data as ArrayLike<unknown>, String) : largestOf(numbersOf(output), width);
  const { fixedInputs } = fed;
  const samples = labelled(fed, answers, named ? 0 : width);
  const subject = await openSubject(model, createSession);
  try {
    const how = { fixedInputs, batchSize: fed.batch, task: 'classification' as const };
    const [{ accuracy, failures } = { failures: [] }] = await measureQuality([subject], samples, how);
    if (!accuracy) throw failures[0] ?? new Error('its labels were not judged');
    if (accuracy.accuracy !== 1)
      throw new Error(`its labels are not those of its largest scores: ${accuracy.accuracy} of them are`);
    return true;
  } finally {
    await subject.session.release();
  }
}
