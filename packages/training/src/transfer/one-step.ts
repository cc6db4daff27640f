/**
 * One step of gradient descent against central differences of the model's own forward pass in double precision. For tests:
 * ONNX Runtime computes both, and nothing of the gradients' code takes part in the reference.
 */
import { elementCount, encodeModel, type Model, type SessionFactory, type Tensor } from '@verge/onnx';
import { fit } from '../fit.js';
import type { FitOptions, FitResult } from '../fit-options.js';
import { floatsOf } from '../parameters.js';
import { Random } from '../random.js';
import { separateParameters } from './form.js';

const DOUBLE = 11n;

const float64 = (dims: readonly number[], data: ArrayLike<number>): Tensor => ({
  dtype: 'float64',
  dims: [...dims],
  data: Float64Array.from(data),
});

/** The same graph on doubles; what casts to float32 (1) casts to double then. */
function inDouble(model: Model): Model {
  const { graph } = model;
  const info = (value: Model['graph']['inputs'][number]): Model['graph']['inputs'][number] =>
    value.type?.kind === 'tensor' && value.type.dtype === 'float32'
      ? { ...value, type: { ...value.type, dtype: 'float64' } }
      : value;
  const initializers = [...graph.initializers].map(([name, stored]) => {
    const values = floatsOf(stored);
    return [name, values ? { name, value: float64(stored.value.dims, values) } : stored] as const;
  });
  const nodes = graph.nodes.map((node) => {
    const attributes = new Map(node.attributes);
    const [to, value] = [attributes.get('to'), attributes.get('value')];
    if (to?.kind === 'int' && Number(to.value) === 1) attributes.set('to', { kind: 'int', value: DOUBLE });
    if (value?.kind === 'tensor' && 'data' in value.value.value && value.value.value.dtype === 'float32')
      attributes.set('value', {
        kind: 'tensor',
        value: { name: '', value: float64(value.value.value.dims, value.value.value.data) },
      });
    return { ...node, attributes };
  });
  return {
    ...model,
    graph: {
      ...graph,
      nodes,
      initializers: new Map(initializers),
      inputs: graph.inputs.map(info),
      outputs: graph.outputs.map(info),
      values: new Map(),
    },
  };
}

export interface OneStep {
  readonly result: FitResult;
  /** By parameter: the largest difference between the step taken and lr * gradient, relative to the largest of the gradient. */
  readonly errors: ReadonlyMap<string, number>;
}

/**
 * Takes one step on random samples with the mean squared error to random targets, and repeats it by differences.
 * @param shape of one sample
 * @param options more for `fit`
 */
export async function oneStep(
  model: Model,
  createSession: SessionFactory,
  shape: readonly number[],
  options: Partial<FitOptions> = {},
): Promise<OneStep> {
  const [rows, rate] = [5, 0.1];
  const random = new Random(3, 'one step');
  const type = model.graph.outputs[0]!.type;
  const width = (type?.kind === 'tensor' ? type.shape! : []).slice(1).map(Number);
  const draw = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.uniform(-1, 1));
  const x = draw(rows * elementCount(shape));
  const targets = draw(rows * elementCount(width));
  const samples = { x, shape, y: new Int32Array(rows), targets };
  const result = await fit({
    ...{ model, createSession, train: samples, validation: samples, epochs: 1, batchSize: rows },
    ...{ loss: { kind: 'mse' }, schedule: { name: 'constant' }, optimizer: { name: 'sgd', learningRate: rate } },
    ...options,
  });
  const moved = result.parameters.filter((p) => p.fate === 'moves').map((p) => p.name);
  // The trained file has each parameter apart; its values before the step are those of the given one.
  const origins = new Map(result.parameters.map((p) => [p.name, p.untiedFrom ?? p.name]));
  const start = new Map(moved.map((name) => [name, valuesBefore(model, origins.get(name)!)]));
  const before: Model = {
    ...result.model,
    graph: { ...result.model.graph, initializers: new Map(result.model.graph.initializers) },
  };
  for (const [name, values] of start) {
    const { dims } = before.graph.initializers.get(name)!.value;
    before.graph.initializers.set(name, { name, value: { dtype: 'float32', dims, data: values } });
  }
  const double = inDouble(before);
  const lossAt = async (name: string, index: number, delta: number): Promise<number> => {
    const stored = double.graph.initializers.get(name)!.value as Tensor & { dtype: 'float64' };
    const data = stored.data.slice();
    data[index] = data[index]! + delta;
    const initializers = new Map(double.graph.initializers).set(name, { name, value: float64(stored.dims, data) });
    const session = await createSession(encodeModel({ ...double, graph: { ...double.graph, initializers } }), {
      optimization: 'disabled',
    });
    try {
      const feeds = { [session.inputNames[0]!]: float64([rows, ...shape], x) };
      const y = (await session.run(feeds))[session.outputNames[0]!]!.data as Float64Array;
      return y.reduce((sum, v, i) => sum + (v - targets[i]!) ** 2, 0) / y.length;
    } finally {
      await session.release();
    }
  };
  const errors = new Map<string, number>();
  for (const [name, values] of start) {
    const after = floatsOf(result.model.graph.initializers.get(name))!;
    let [worst, largest] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      const h = 1e-5;
      const gradient = ((await lossAt(name, i, h)) - (await lossAt(name, i, -h))) / (2 * h);
      worst = Math.max(worst, Math.abs(values[i]! - after[i]! - rate * gradient));
      largest = Math.max(largest, rate * Math.abs(gradient));
    }
    errors.set(name, worst / (largest || 1));
  }
  return { result, errors };
}

function valuesBefore(model: Model, name: string): Float32Array {
  const stored = floatsOf(model.graph.initializers.get(name));
  if (stored) return stored;
  // In a Constant node, or in a function.
  const separated = floatsOf(separateParameters(model).model.graph.initializers.get(name));
  if (!separated) throw new Error(`no constant '${name}'`);
  return separated;
}
