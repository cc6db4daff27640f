/**
 * Types of what operators without a row give, found by running the model: at two of each open size, and on two sets of random
 * inputs. That is a measurement and no proof; it completes a description, and nothing is rewritten because of it.
 */
import { functionKey } from './check/nodes.js';
import { mapDims } from './infer/declared.js';
import { inferShapes, valueTypes } from './infer/index.js';
import { rowOf } from './infer/table.js';
import type { Dim, Model, Node, ValueInfo, ValueType } from './ir.js';
import type { SessionFactory, SessionOptions } from './session.js';
import { drawFeeds, type FeedOptions } from './simplify/feeds.js';
import { fedInputs, openSizes } from './simplify/inputs.js';
import { settleInputs } from './simplify/sizes-tried.js';
import type { Tensor } from './tensor.js';
import { openModel } from './open-model.js';

export interface MeasuredTypes {
  /**
   * By value. A size that was that of one symbol of the inputs in every run bears its name, one that was the same in all
   * runs is a number, any other is null; so are numbers where a size could not be moved.
   */
  readonly types: ReadonlyMap<string, ValueType>;
  /** The sizes that were run at, by symbol or `input[axis]`; one alone where no second one ran, or one was given. */
  readonly sizes: Readonly<Record<string, readonly number[]>>;
}

export interface MeasureOptions extends FeedOptions {
  /** External data, threads. */
  session?: SessionOptions;
}

const isWhole = (type: ValueType | null | undefined): boolean =>
  type !== null &&
  type !== undefined &&
  (type.kind !== 'tensor' || (type.dtype !== null && type.shape?.every((d) => d !== null) === true));

/** Values of a model's graph that operators without a row give, and of which the file does not say what they are. */
export function unknownValues(model: Model): string[] {
  const types = valueTypes(inferShapes(model, { onFailure: () => undefined }).graph);
  const functions = new Set(model.functions.map((f) => functionKey(f.domain, f.name, f.overload)));
  const followed = ({ op, domain, overload }: Node): boolean =>
    rowOf(op, domain) !== null || functions.has(functionKey(domain, op, overload));
  const outputs = model.graph.nodes.filter((node) => !followed(node)).flatMap((node) => node.outputs);
  return outputs.filter((name) => name !== '' && !isWhole(types.get(name)));
}

interface Run {
  readonly sizes: Readonly<Record<string, number>>;
  readonly values: Readonly<Record<string, Tensor>>;
}

/** What a size is, in all runs: a symbol of the inputs, a number, or null. */
function sizeIn(runs: readonly Run[], at: (run: Run) => number, symbols: readonly string[]): Dim {
  const first = at(runs[0]!);
  const followed = symbols.filter((symbol) => runs.every((run) => at(run) === run.sizes[symbol]));
  const moves = runs.some((run) => at(run) !== first);
  return moves ? (followed.length === 1 ? followed[0]! : null) : first;
}

function typeIn(runs: readonly Run[], name: string, symbols: readonly string[]): ValueType {
  const { dtype, dims } = runs[0]!.values[name]!;
  const ranks = new Set(runs.map((run) => run.values[name]!.dims.length));
  const size = (axis: number) => sizeIn(runs, (run) => run.values[name]!.dims[axis]!, symbols);
  return { kind: 'tensor', dtype, shape: ranks.size === 1 ? dims.map((_, axis) => size(axis)) : null };
}

/**
 * Measures the values of `unknownValues`. Sizes are tried as `settleInputs` does; those given in `dims` and `shapes` stay.
 * @throws what the factory throws when it refuses the model, OnnxError `no-sizes` when it runs at none of the sizes tried
 */
export async function measureTypes(
  model: Model,
  createSession: SessionFactory,
  options: MeasureOptions = {},
): Promise<MeasuredTypes> {
  const wanted = unknownValues(model);
  if (wanted.length === 0) return { types: new Map(), sizes: {} };
  const { session: settings, ...feeding } = options;
  const outputs = wanted.map((name): ValueInfo => ({ name, type: null }));
  const session = await openModel(
    createSession,
    { ...model, graph: { ...model.graph, outputs } },
    {
      optimization: 'disabled',
      ...settings,
    },
  );
  try {
    const inputs = fedInputs(model);
    const run = (feeds: Readonly<Record<string, Tensor>>) => session.run(feeds, wanted);
    const base = await settleInputs(inputs, run, feeding);
    const at = async (sizes: Readonly<Record<string, number>>, seed: number): Promise<Run> => ({
      sizes,
      values: await run(drawFeeds(inputs, { ...feeding, dims: sizes, seed })),
    });
    const seed = options.seed ?? 1;
    const runs = [await at(base.sizes, seed), await at(base.sizes, seed + 1)];
    const sizes: Record<string, number[]> = {};
    for (const symbol of openSizes(inputs).keys()) {
      const size = base.sizes[symbol]!;
      sizes[symbol] = [size];
      if (!Object.hasOwn(base.assumed, symbol)) continue;
      // Twice and one more tells a half, rounded up or down, from the whole.
      for (const other of [2 * size + 1, 2 * size, size + 1]) {
        const second = await at({ ...base.sizes, [symbol]: other }, seed).catch(() => null);
        if (!second) continue;
        runs.push(second);
        sizes[symbol].push(other);
        break;
      }
    }
    const moved = Object.keys(sizes).filter((symbol) => sizes[symbol]!.length > 1);
    const still = Object.keys(base.assumed).some((symbol) => sizes[symbol]!.length === 1);
    const types = wanted.map((name): [string, ValueType] => {
      const type = named(typeIn(runs, name, moved), inputs);
      return [name, still ? withoutNumbers(type) : type];
    });
    return { types: new Map(types), sizes };
  } finally {
    await session.release();
  }
}

/** Any number may follow a size that nobody gave and that could not be moved. */
function withoutNumbers(type: ValueType): ValueType {
  return mapDims(type, (d) => (typeof d === 'number' ? null : d));
}

/** Sizes that the file does not name stay open. */
function named(type: ValueType, inputs: ReturnType<typeof fedInputs>): ValueType {
  const names = new Set<Dim>(inputs.flatMap((input) => input.shape ?? []));
  return mapDims(type, (d) => (typeof d === 'string' && !names.has(d) ? null : d));
}

/** The model with measured types declared where the file says less. */
export function withMeasured(model: Model, { types }: MeasuredTypes): Model {
  const { graph } = model;
  const outputs = graph.outputs.map((info): ValueInfo => {
    const type = types.get(info.name);
    return type && !isWhole(info.type) ? { ...info, type } : info;
  });
  const values = new Map(graph.values);
  for (const [name, type] of types) {
    const old = values.get(name);
    if (!graph.outputs.some((o) => o.name === name) && !isWhole(old?.type)) values.set(name, { ...old, name, type });
  }
  return { ...model, graph: { ...graph, outputs, values } };
}
