/** Runs a model on calibration samples and collects the range of each activation, holding one batch at a time. */
import type { Samples } from '@verge/data';
import {
  encodeModel,
  float32,
  tensorInfo,
  type Model,
  type Session,
  type SessionFactory,
  type Tensor,
  type ValueType,
  valueTypes,
} from '@verge/onnx';
import { boundToSamples, type PortOptions } from '@verge/training';
import { CompressionError, checkCancelled } from '../errors.js';
import { cloneModel } from '../graph/index-of-values.js';
import { entropyRange, Histogram, percentileRange } from './observer.js';
import type { Range } from '../passes/quantize-static/scale.js';

export interface CalibrationOptions {
  method: 'min-max' | 'percentile' | 'entropy';
  /** Share of values that a percentile range keeps. */
  percentile: number;
  ports?: PortOptions;
  createSession: SessionFactory;
  signal?: AbortSignal;
  onProgress?: (fraction: number) => void;
}

const rowsPerRun = 32;

/** The model with every wanted activation among its outputs. */
function observed(model: Model, names: readonly string[]): Model {
  const copy = cloneModel(model);
  const present = new Set(copy.graph.outputs.map((o) => o.name));
  for (const name of names) if (!present.has(name)) copy.graph.outputs.push(tensorInfo(name, 'float32', null));
  return copy;
}

/** @throws CompressionError `bad-samples` for an input of a type that samples do not have, or fractions in one of whole numbers */
function tensorOf(name: string, dtype: string | undefined, dims: readonly number[], values: Samples['x']): Tensor {
  const fraction = dtype === 'float32' ? undefined : values.find((v) => !Number.isInteger(v));
  if (fraction !== undefined)
    throw new CompressionError(
      'bad-samples',
      `the input '${name}' is ${dtype ?? 'of no known type'}, the samples hold ${fraction}`,
    );
  if (dtype === 'int64')
    return { dtype, dims, data: BigInt64Array.from(values as ArrayLike<number>, (v) => BigInt(v)) };
  if (dtype === 'int32') return { dtype, dims, data: Int32Array.from(values) };
  if (dtype === 'bool') return { dtype, dims, data: Uint8Array.from(values, (v) => (v === 0 ? 0 : 1)) };
  if (dtype === 'float32') return float32(dims, values instanceof Float32Array ? values : Float32Array.from(values));
  throw new CompressionError(
    'bad-samples',
    `the input '${name}' is ${dtype ?? 'of no known type'}, not float32, int64, int32 or bool`,
  );
}

/**
 * Each input with what the samples hold for it: of further ones what bears its name, of the other one x.
 * @throws CompressionError `bad-samples` naming every input that the samples have nothing for
 */
function partsOf(model: Model, samples: Samples): { name: string; values: Samples['x']; shape: readonly number[] }[] {
  const { x, shape, inputs = {} } = samples;
  const names = model.graph.inputs.map((i) => i.name).filter((name) => !model.graph.initializers.has(name));
  const others = names.filter((name) => !Object.hasOwn(inputs, name));
  if (others.length > 1)
    throw new CompressionError('bad-samples', `the samples hold one tensor for the inputs '${others.join("', '")}'`);
  return names.map((name) => ({ name, ...(Object.hasOwn(inputs, name) ? inputs[name]! : { values: x, shape }) }));
}

/** What is fed in each run. Only whole batches are: a fixed batch size admits no other. */
function batches(model: Model, samples: Samples): { feeds: Record<string, Tensor> }[] {
  const parts = partsOf(model, samples);
  const types = valueTypes(model.graph);
  const typeOf = (name: string): (ValueType & { kind: 'tensor' }) | undefined => {
    const type = types.get(name);
    return type?.kind === 'tensor' ? type : undefined;
  };
  const fixed = parts.map(({ name }) => typeOf(name)?.shape?.[0]).find((d) => typeof d === 'number');
  const rows = typeof fixed === 'number' ? fixed : Math.min(rowsPerRun, samples.y.length);
  return Array.from({ length: Math.floor(samples.y.length / rows) }, (_, k) => ({
    get feeds() {
      const tensors = parts.map(({ name, values, shape }): [string, Tensor] => {
        const size = shape.reduce((a, b) => a * b, 1);
        const own = values.subarray(k * rows * size, (k + 1) * rows * size);
        return [name, tensorOf(name, typeOf(name)?.dtype ?? undefined, [rows, ...shape], own)];
      });
      return Object.fromEntries(tensors);
    },
  }));
}

async function pass(
  session: Session,
  runs: { feeds: Record<string, Tensor> }[],
  inner: readonly string[],
  use: (name: string, values: Float32Array) => void,
  options: CalibrationOptions,
): Promise<void> {
  for (const { feeds } of runs) {
    checkCancelled(options.signal);
    const outputs = inner.length > 0 ? await session.run(feeds, inner) : {};
    for (const [name, tensor] of Object.entries({ ...feeds, ...outputs }))
      if (tensor.dtype === 'float32') use(name, tensor.data);
    await new Promise(setImmediate);
  }
}

function widen(ranges: Map<string, Range>, name: string, values: Float32Array): void {
  const range = ranges.get(name) ?? { min: Infinity, max: -Infinity };
  for (const value of values) {
    if (!Number.isFinite(value))
      throw new CompressionError('bad-calibration', `'${name}' takes the value ${value} on a calibration sample`);
    if (value < range.min) range.min = value;
    if (value > range.max) range.max = value;
  }
  ranges.set(name, range);
}

/**
 * @param groups activations by the representative whose parameters they share
 * @param samples training samples only; the first `rowsPerRun` multiples are used
 * @returns a range for each representative
 * @throws CompressionError `bad-calibration`, `bad-samples`, `cancelled`
 */
export async function calibrate(
  model: Model,
  groups: ReadonlyMap<string, string>,
  samples: Samples,
  options: CalibrationOptions,
): Promise<Map<string, Range>> {
  const names = [...groups.keys()];
  const bound = boundToSamples(model, samples, options.ports);
  const session = await options.createSession(encodeModel(observed(bound, names)), { optimization: 'basic' });
  try {
    const runs = batches(bound, samples);
    if (runs.length === 0)
      throw new CompressionError('bad-samples', `${samples.y.length} calibration samples fill no batch of the model`);
    const inner = names.filter((name) => !session.inputNames.includes(name));
    const wanted = new Set(names);
    const group = (name: string): string => groups.get(name) as string;
    const ranges = new Map<string, Range>();
    await pass(session, runs, inner, (name, values) => wanted.has(name) && widen(ranges, group(name), values), options);
    options.onProgress?.(options.method === 'min-max' ? 1 : 0.5);
    if (options.method === 'min-max') return ranges;
    const histograms = new Map([...ranges].map(([name, range]) => [name, new Histogram(range)]));
    await pass(
      session,
      runs,
      inner,
      (name, values) => wanted.has(name) && histograms.get(group(name))?.add(values),
      options,
    );
    options.onProgress?.(1);
    const choose =
      options.method === 'entropy' ? entropyRange : (h: Histogram): Range => percentileRange(h, options.percentile);
    return new Map([...histograms].map(([name, histogram]) => [name, choose(histogram)]));
  } finally {
    await session.release();
  }
}
