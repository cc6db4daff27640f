/**
 * Questions about what a model computes on samples, answered in one run over them however many they are. What can be reduced is reduced by
 * the runtime, so that little leaves a run: copying every activation of a network takes as long as computing them.
 */
import {
  openModel,
  GraphBuilder,
  type Model,
  provenTypes,
  type SessionFactory,
  type Tensor,
  tensorInfo,
} from '@verge/onnx';
import { checkCancelled } from '../errors.js';
import { cloneModel } from '../graph/index-of-values.js';
import type { Feeds } from './feeds.js';

export type Fed = Readonly<Record<string, Tensor>>;

/** Of the runs over the samples. */
export type Half = 'first' | 'second';

export interface Question {
  /**
   * Adds to a copy of the model what reduces its values to what is asked.
   * @returns the float32 values to fetch
   */
  ask(builder: GraphBuilder, model: Model): readonly string[];
  /** Takes in what a run gave, in the order asked. The next run overwrites the tensors. A single run is of the first half. */
  take(values: readonly Tensor[], fed: Fed, half: Half): void | Promise<void>;
}

export interface AskOptions {
  createSession: SessionFactory;
  signal?: AbortSignal | undefined;
  onProgress?: ((fraction: number) => void) | undefined;
  /** Half of the runs only, where there are several. */
  half?: Half | undefined;
}

/** Elements of all values of a run together: 32 MiB of float32. */
const ELEMENTS = 2 ** 23;
/** More rows a run than these are no faster. */
const MOST_ROWS = 32;
/** Of a model whose shapes are not known. */
const ROWS = 4;

/** Samples of a run: as many as keep what lies inside it small, and so few that there are two halves. */
export function rowsOf(model: Model, feeds: Feeds): number {
  if (feeds.fixedRows !== null) return feeds.fixedRows;
  const types = provenTypes(model);
  let elements = 0;
  for (const name of model.graph.nodes.flatMap((node) => node.outputs)) {
    const type = types.get(name);
    if (name === '' || (type?.kind === 'tensor' && type.shape === null)) continue;
    if (type?.kind !== 'tensor') return Math.min(ROWS, feeds.count);
    elements += type.shape!.reduce<number>((size, d) => size * (typeof d === 'number' ? d : 1), 1);
  }
  const half = Math.ceil(feeds.count / 2);
  return Math.max(1, Math.min(MOST_ROWS, half, Math.floor(ELEMENTS / Math.max(1, elements))));
}

/**
 * Calls `use` for the rows of each run, one after the other.
 * @throws CompressionError `cancelled`, `bad-samples`
 */
export async function eachRun(
  feeds: Feeds,
  rows: number,
  { signal, onProgress, half }: Pick<AskOptions, 'signal' | 'onProgress' | 'half'>,
  use: (fed: Fed, run: number, half: Half) => void | Promise<void>,
): Promise<void> {
  const end = feeds.count - feeds.leftOut;
  const runs = Math.ceil(end / rows);
  const middle = Math.ceil(runs / 2);
  const first = half === 'second' && middle < runs ? middle : 0;
  const last = half === 'first' ? middle : runs;
  for (let run = first; run < last; run++) {
    checkCancelled(signal);
    const at = run * rows;
    await use(feeds.rows(at, Math.min(rows, end - at)), run, run < middle ? 'first' : 'second');
    onProgress?.((run + 1 - first) / (last - first));
    await new Promise(setImmediate);
  }
}

/**
 * @param model bound to the samples
 * @throws CompressionError `cancelled`, `bad-samples`, and what the questions throw
 */
export async function ask(
  model: Model,
  questions: readonly Question[],
  feeds: Feeds,
  options: AskOptions,
): Promise<void> {
  const copy = cloneModel(model);
  const builder = new GraphBuilder(copy.graph);
  const asked = questions.map((question) => ({ question, names: question.ask(builder, copy) }));
  const names = [...new Set(asked.flatMap((one) => one.names))];
  const present = new Set(copy.graph.outputs.map((o) => o.name));
  for (const name of names) if (!present.has(name)) copy.graph.outputs.push(tensorInfo(name, 'float32', null));
  const session = await openModel(options.createSession, copy);
  try {
    let into: Record<string, Tensor> | undefined;
    let before = 0;
    await eachRun(feeds, rowsOf(model, feeds), options, async (fed, _run, half) => {
      const rows = Object.values(fed)[0]?.dims[0] ?? 1;
      const values = names.length === 0 ? {} : await session.run(fed, names, rows === before ? into : undefined);
      [into, before] = [values, rows];
      for (const one of asked)
        await one.question.take(
          one.names.map((name) => values[name]!),
          fed,
          half,
        );
    });
  } finally {
    await session.release();
  }
}
