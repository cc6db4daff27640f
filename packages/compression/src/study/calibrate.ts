/** Ranges and histograms of activations on calibration samples, in one run over them. */
import { encodeModel, GraphBuilder, int, tensorInfo, type Model, type SessionFactory, type Tensor } from '@verge/onnx';
import { CompressionError } from '../errors.js';
import { cloneModel } from '../graph/index-of-values.js';
import type { Feeds } from './feeds.js';
import { Histogram, type Range } from './histogram.js';
import { stream, type StreamOptions } from './stream.js';

export interface StudyOptions extends StreamOptions {
  createSession: SessionFactory;
}

/** The model with every wanted activation among its outputs. */
function observed(model: Model, names: readonly string[]): Model {
  const copy = cloneModel(model);
  const present = new Set(copy.graph.outputs.map((o) => o.name));
  for (const name of names) if (!present.has(name)) copy.graph.outputs.push(tensorInfo(name, 'float32', null));
  return copy;
}

const rowsOf = (fed: Record<string, Tensor>): number => Object.values(fed)[0]?.dims[0] || 1;

const notFinite = (name: string, value: number): CompressionError =>
  new CompressionError('bad-calibration', `'${name}' takes the value ${value} on a calibration sample`);

/** Values of an activation that are counted for each sample; of a larger one they are spread evenly. */
const COUNTED = 2 ** 14;

/** Odd, so that rows of even length are not met at the same places. */
function spread(size: number): number {
  const every = Math.floor(size / COUNTED);
  return every <= 1 ? 1 : every - 1 + (every % 2);
}

/**
 * The values of every activation, counted, of large ones a part; the least and the largest of all are exact.
 * @param model bound to the samples
 * @param groups activations by the representative whose parameters they share
 * @returns a histogram for each representative
 * @throws CompressionError `bad-calibration`, `bad-samples`, `cancelled`
 */
export async function studyHistograms(
  model: Model,
  groups: ReadonlyMap<string, string>,
  feeds: Feeds,
  options: StudyOptions,
): Promise<Map<string, Histogram>> {
  const names = [...groups.keys()];
  const session = await options.createSession(encodeModel(observed(model, names)), { optimization: 'extended' });
  try {
    const inner = names.filter((name) => !session.inputNames.includes(name));
    const histograms = new Map<string, Histogram>([...new Set(groups.values())].map((name) => [name, new Histogram()]));
    const count = (values: Record<string, Tensor>, rows: number): void => {
      for (const [name, tensor] of Object.entries(values)) {
        if (!groups.has(name) || tensor.dtype !== 'float32') continue;
        const histogram = histograms.get(groups.get(name) as string) as Histogram;
        const bad = histogram.add(tensor.data, spread(tensor.data.length / rows));
        if (bad !== null) throw notFinite(name, bad);
      }
    };
    await stream(session, feeds, inner, (fetched, fed) => count({ ...fed, ...fetched }, rowsOf(fed)), options);
    return histograms;
  } finally {
    await session.release();
  }
}

/**
 * The least and largest value of every activation, found by the runtime: only those two leave a run. Otherwise as `studyHistograms`.
 * @returns a range for each representative
 */
export async function studyRanges(
  model: Model,
  groups: ReadonlyMap<string, string>,
  feeds: Feeds,
  options: StudyOptions,
): Promise<Map<string, Range>> {
  const copy = cloneModel(model);
  const builder = new GraphBuilder(copy.graph);
  const asked = [...groups.keys()].map((name) => {
    // The sum of values that are not all finite is not finite either, which a maximum need not tell.
    const [min, max, sum] = ['ReduceMin', 'ReduceMax', 'ReduceSum'].map((op) =>
      builder.node(op, [name], { keepdims: int(0) }),
    ) as [string, string, string];
    return { name, min, max, sum };
  });
  const fetched = asked.flatMap(({ min, max, sum }) => [min, max, sum]);
  for (const name of fetched) copy.graph.outputs.push(tensorInfo(name, 'float32', []));
  const session = await options.createSession(encodeModel(copy), { optimization: 'extended' });
  const ranges = new Map<string, Range>();
  const widen = (values: Record<string, Tensor>): void => {
    const of = (name: string): number => Number((values[name] as Tensor).data[0]);
    for (const { name, ...one } of asked) {
      const [min, max, sum] = [of(one.min), of(one.max), of(one.sum)];
      const bad = [min, max, sum].find((value) => !Number.isFinite(value));
      if (bad !== undefined) throw notFinite(name, bad);
      const group = groups.get(name) as string;
      const range = ranges.get(group) ?? { min: Infinity, max: -Infinity };
      ranges.set(group, { min: Math.min(range.min, min), max: Math.max(range.max, max) });
    }
  };
  try {
    await stream(session, feeds, fetched, widen, options, 4);
    return ranges;
  } finally {
    await session.release();
  }
}
