/** A part of a graph, named by the values at its edges, as a model of its own. */
import { assertLegal } from '../check/index.js';
import { OnnxError } from '../errors.js';
import { inferShapes } from '../infer/index.js';
import type { Graph, Model, Node, ValueInfo } from '../ir.js';
import { openModel, type ModelOpener } from '../open-model.js';
import { readsOf } from '../rewrite/view.js';
import type { SessionFactory } from '../session.js';
import { assertWithin, type Comparison, Differences, type Tolerance } from '../simplify/compare.js';
import { type FeedOptions } from '../simplify/feeds.js';
import { fedInputs } from '../simplify/inputs.js';
import { settleInputs } from '../simplify/sizes-tried.js';
import { knownWords } from '../simplify/words.js';
import type { Tensor } from '../tensor.js';
import { around } from './flow.js';

export interface SubgraphOptions {
  /** Values that become inputs; the model's own inputs when absent. */
  readonly from?: readonly string[];
  /** Values that become outputs; the model's own outputs when absent. */
  readonly to?: readonly string[];
}

const quoted = (names: Iterable<string>): string => [...names].map((name) => JSON.stringify(name)).join(', ');

/** Values that nodes, inputs and initializers of the graph give. */
function valuesOf(graph: Graph): Set<string> {
  const names = [
    ...graph.inputs.map((i) => i.name),
    ...graph.initializers.keys(),
    ...graph.sparseInitializers.map(({ values }) => values.name),
    ...graph.nodes.flatMap((node) => node.outputs),
  ];
  return new Set(names.filter((name) => name !== ''));
}

/** A few names that look like one that is not there, the nearest first. */
function like(name: string, known: ReadonlySet<string>): string[] {
  const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  const wanted = plain(name);
  const near = [...known].filter((k) => plain(k).includes(wanted) || (plain(k) !== '' && wanted.includes(plain(k))));
  const apart = (k: string): number => Math.abs(plain(k).length - wanted.length);
  return near.toSorted((a, b) => apart(a) - apart(b)).slice(0, 3);
}

/** Nodes that the values of `to` need, going back no further than `from`. */
function needed(
  graph: Graph,
  from: ReadonlySet<string>,
  to: readonly string[],
): { nodes: Set<Node>; reads: Set<string> } {
  const reads = new Set(to.filter((name) => !from.has(name)));
  const nodes = new Set<Node>();
  const seen = new Set<string>(to);
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => name !== '' && reads.has(name))) continue;
    nodes.add(node);
    for (const name of readsOf(node)) {
      seen.add(name);
      if (!from.has(name)) reads.add(name);
    }
  }
  return { nodes, reads: seen };
}

/** What is wrong with the names, all at once. */
function problemsOf(graph: Graph, from: readonly string[], to: readonly string[], open: boolean): string[] {
  const known = valuesOf(graph);
  const unknown = [...new Set([...from, ...to])].filter((name) => !known.has(name));
  const problems = unknown.map((name) => {
    const near = like(name, known);
    return `there is no value ${JSON.stringify(name)}${near.length > 0 ? ` (${quoted(near)}?)` : ''}`;
  });
  if (to.length === 0) problems.push('no output is named');
  if (problems.length > 0) return problems;
  const edge = new Set(from);
  const { reads } = needed(graph, edge, to);
  if (!open) {
    const missing = graph.inputs.filter(
      ({ name }) => reads.has(name) && !edge.has(name) && !graph.initializers.has(name),
    );
    if (missing.length > 0) problems.push(`${quoted(missing.map((i) => i.name))} must be fed too: name them as inputs`);
    const idle = from.filter((name) => !reads.has(name));
    if (idle.length > 0) problems.push(`nothing that is asked for needs ${quoted(idle)}`);
  }
  return problems;
}

/** An output as it is declared: a tensor of unknown element type would be written as one of type 0, which nobody reads. */
function declared(name: string, info: ValueInfo | undefined): ValueInfo {
  const unknown = !info?.type || (info.type.kind === 'tensor' && info.type.dtype === null);
  return unknown ? { name, type: null } : info;
}

/** Each name once, in the order given. */
const once = (names: readonly string[]): string[] => [...new Set(names)];

/**
 * Cuts a part out of a graph: the nodes that `to` needs, back to `from`, with the constants that they need.
 * @returns a legal model whose inputs are `from` and whose outputs are `to`, under their names and in their order. Without
 *   `from` it has those of the model's inputs that are needed
 * @throws OnnxError `partition` naming every value that is not there, every input that would be missing, every one that is
 *   not needed, and every input of unknown element type; `LegalityError` when the model is not legal
 */
export function extractSubgraph(model: Model, options: SubgraphOptions): Model {
  assertLegal(model);
  const typed = inferShapes(model);
  const { graph } = typed;
  const to = once(options.to ?? graph.outputs.map((o) => o.name));
  const given = options.from && once(options.from);
  const problems = problemsOf(graph, given ?? [], to, !given);
  if (problems.length > 0) throw new OnnxError('partition', problems.join('; '));

  const edge = new Set(given ?? graph.inputs.map((i) => i.name));
  const { nodes, reads } = needed(graph, edge, to);
  const info = new Map<string, ValueInfo>();
  for (const list of [graph.values.values(), graph.outputs, graph.inputs]) for (const v of list) info.set(v.name, v);
  for (const [name, { value }] of graph.initializers)
    if (!info.has(name)) info.set(name, { name, type: { kind: 'tensor', dtype: value.dtype, shape: value.dims } });
  const inputs = (given ?? graph.inputs.map((i) => i.name).filter((name) => reads.has(name))).map(
    (name): ValueInfo => info.get(name) ?? { name, type: null },
  );
  const untyped = inputs.filter(
    ({ type }) => !type || type.kind === 'unspecified' || (type.kind === 'tensor' && !type.dtype),
  );
  if (untyped.length > 0)
    throw new OnnxError('partition', `the element type of ${quoted(untyped.map((i) => i.name))} is not known`);
  // A constant that is asked for as an input is none any more; a default stays one where the model's own inputs are kept.
  const stays = (name: string): boolean => reads.has(name) && !(given && edge.has(name));
  const inner = new Set([...nodes].flatMap((node) => node.outputs).filter((name) => !to.includes(name)));
  const part = around(typed, {
    ...graph,
    name: `${graph.name}-part`,
    nodes: graph.nodes.filter((node) => nodes.has(node)),
    inputs,
    outputs: to.map((name) => declared(name, info.get(name))),
    values: new Map([...graph.values].filter(([name]) => inner.has(name))),
    initializers: new Map([...graph.initializers].filter(([name]) => stays(name))),
    sparseInitializers: graph.sparseInitializers.filter(({ values }) => stays(values.name)),
    ...(graph.quantization && {
      quantization: graph.quantization.filter(
        ({ tensor, parameters }) =>
          (tensor === undefined || reads.has(tensor)) && [...parameters.values()].every((name) => reads.has(name)),
      ),
    }),
  });
  assertLegal(part);
  return part;
}

/**
 * Runs the whole on random inputs, then the part on the values that the whole had there, and compares what both give.
 * @param part of `extractSubgraph`
 * @throws OnnxError `numbers-differ`; as `settleInputs`
 */
export async function checkSubgraph(
  model: Model,
  part: Model,
  create: SessionFactory,
  options: FeedOptions & { tolerance?: Tolerance; open?: ModelOpener } = {},
): Promise<Comparison> {
  const edges = [...fedInputs(part).map((i) => i.name), ...part.graph.outputs.map((o) => o.name)];
  const inputs = new Set(model.graph.inputs.map((i) => i.name));
  const shown = once(edges).filter((name) => !inputs.has(name) && !model.graph.outputs.some((o) => o.name === name));
  const typed = inferShapes(model).graph;
  const outputs = shown.map((name) => declared(name, typed.values.get(name)));
  const shows = { ...model, graph: { ...model.graph, outputs: [...model.graph.outputs, ...outputs] } };
  const open = options.open ?? ((one: Model) => openModel(create, one));
  let values: Record<string, Tensor> = {};
  let assumed: Readonly<Record<string, number>>;
  const whole = await open(shows);
  try {
    const run = async (feeds: Readonly<Record<string, Tensor>>): Promise<void> => {
      values = { ...feeds, ...(await whole.run(feeds)) };
    };
    ({ assumed } = await settleInputs(fedInputs(model), run, { words: knownWords(model), ...options }));
  } finally {
    await whole.release();
  }
  // One after the other: a large model need not be loaded twice at once.
  const own = await open(part);
  try {
    const fed = Object.fromEntries(own.inputNames.map((name) => [name, values[name]!]));
    const differences = new Differences(own.outputNames, model, options.tolerance);
    differences.add(values, await own.run(fed));
    const comparison = differences.comparison(1, assumed);
    assertWithin(comparison);
    return comparison;
  } finally {
    await own.release();
  }
}
