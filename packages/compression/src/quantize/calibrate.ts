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
} from '@verge/onnx';
import { CompressionError, checkCancelled } from '../errors.js';
import { cloneModel } from '../graph-index.js';
import { entropyRange, Histogram, percentileRange } from './observer.js';
import type { Range } from './scale.js';

export interface CalibrationOptions {
  method: 'min-max' | 'percentile' | 'entropy';
  /** Share of values that a percentile range keeps. */
  percentile: number;
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

function batches(model: Model, session: Session, samples: Samples): { feed: Record<string, Tensor> }[] {
  const input = model.graph.inputs.find((i) => i.name === session.inputNames[0]);
  const first = input?.type?.kind === 'tensor' ? input.type.shape?.[0] : undefined;
  const rows = typeof first === 'number' ? first : Math.min(rowsPerRun, samples.y.length);
  const size = samples.shape.reduce((a, b) => a * b, 1);
  // Whole batches only: a fixed batch size admits no other.
  return Array.from({ length: Math.floor(samples.y.length / rows) }, (_, k) => ({
    get feed() {
      const x = samples.x.subarray(k * rows * size, (k + 1) * rows * size);
      return {
        [session.inputNames[0] as string]: float32(
          [rows, ...samples.shape],
          x instanceof Float32Array ? x : Float32Array.from(x),
        ),
      };
    },
  }));
}

async function pass(
  session: Session,
  runs: { feed: Record<string, Tensor> }[],
  inner: readonly string[],
  use: (name: string, values: Float32Array) => void,
  options: CalibrationOptions,
): Promise<void> {
  const inputName = session.inputNames[0] as string;
  for (const run of runs) {
    checkCancelled(options.signal);
    const { feed } = run;
    const given = feed[inputName] as Tensor;
    use(inputName, given.data as Float32Array);
    const outputs = inner.length > 0 ? await session.run(feed, inner) : {};
    for (const name of inner) {
      const tensor = outputs[name] as Tensor;
      if (tensor.dtype === 'float32') use(name, tensor.data);
    }
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
  const session = await options.createSession(encodeModel(observed(model, names)), { optimization: 'basic' });
  try {
    const runs = batches(model, session, samples);
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
