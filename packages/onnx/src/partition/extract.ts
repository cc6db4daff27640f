/** A run of nodes as a model of its own. */
import type { Graph, Model, Node, ValueInfo } from '../ir.js';
import { readsOf } from '../rewrite/view.js';
import { around, type Flow } from './flow.js';

/** The constant nodes that these values need, in order. */
function constantsFor(needed: Set<string>, constants: readonly Node[]): Set<Node> {
  const kept = new Set<Node>();
  for (const node of constants.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    kept.add(node);
    for (const name of readsOf(node)) needed.add(name);
  }
  return kept;
}

/** The outputs of the graph that a stage gives: what it makes, and in the last one what no placed node makes. */
function outputsOf(graph: Graph, made: ReadonlySet<string>, flow: Flow, last: boolean): Set<string> {
  const unplaced = (name: string): boolean => (flow.availableAfter.get(name) ?? 0) === 0;
  return new Set(graph.outputs.map((o) => o.name).filter((name) => made.has(name) || (last && unplaced(name))));
}

/** What lies in the stage besides nodes, inputs and outputs. */
function contents(graph: Graph, known: ReadonlySet<string>): Partial<Graph> {
  const quantization = graph.quantization?.filter(
    ({ tensor, parameters }) =>
      (tensor === undefined || known.has(tensor)) && [...parameters.values()].every((name) => known.has(name)),
  );
  return {
    initializers: new Map([...graph.initializers].filter(([name]) => known.has(name))),
    sparseInitializers: graph.sparseInitializers.filter(({ values }) => known.has(values.name)),
    ...(quantization && { quantization }),
  };
}

/**
 * The placed nodes start..end-1 as a legal model: its inputs are the values that come from outside, its outputs what
 * later nodes read and what the whole graph gives.
 * @param model whose `graph.values` has what is proven of every value that a node makes, its symbolic sizes left in
 */
export function stageModel(model: Model, flow: Flow, start: number, end: number, name: string): Model {
  const { graph } = model;
  const nodes = flow.placed.slice(start, end);
  const last = end === flow.placed.length;
  const made = new Set(nodes.flatMap((node) => node.outputs.filter((n) => n !== '')));
  const results = outputsOf(graph, made, flow, last);
  const needed = new Set([...nodes.flatMap((node) => [...readsOf(node)]), ...results]);
  const kept = new Set([...nodes, ...constantsFor(needed, flow.constants)]);
  const later = new Set(flow.reads.slice(end).flat());

  const info = new Map<string, ValueInfo>();
  for (const list of [graph.outputs, graph.values.values(), graph.inputs]) for (const v of list) info.set(v.name, v);
  const infoOf = (value: string): ValueInfo => info.get(value) ?? { name: value, type: null };
  const values = [...flow.availableAfter.keys()];
  const received = values.filter((value) => needed.has(value) && !made.has(value));
  const ofGraph = new Set(graph.inputs.map((i) => i.name));
  // Defaults of inputs, and before IR version 4 all initializers, are declared as inputs too.
  const inputs = [
    ...graph.inputs.filter((i) => needed.has(i.name)),
    ...received.filter((value) => !ofGraph.has(value)).map(infoOf),
  ];
  const outputs = [
    ...graph.outputs.filter((o) => results.has(o.name)),
    ...values.filter((value) => made.has(value) && later.has(value) && !results.has(value)).map(infoOf),
  ];
  const atEdge = new Set([...inputs, ...outputs].map((v) => v.name));
  const inner = [...kept].flatMap((node) => node.outputs).filter((value) => info.has(value) && !atEdge.has(value));
  return around(model, {
    ...graph,
    name,
    nodes: graph.nodes.filter((node) => kept.has(node)),
    inputs,
    outputs,
    values: new Map(inner.map((value) => [value, infoOf(value)])),
    ...contents(graph, new Set([...needed, ...made])),
  });
}
