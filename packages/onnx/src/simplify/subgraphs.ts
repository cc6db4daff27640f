/** Rewriting the graphs inside nodes: branches and loop bodies, with what they read from outside. */
import { collectNames, subgraphs } from '../builder.js';
import { withoutShapes } from '../infer/declared.js';
import type { Attribute, Graph, Model, Node, StoredTensor, ValueInfo, ValueType } from '../ir.js';
import { readsOf } from '../rewrite/view.js';

type Types = ReadonlyMap<string, ValueType>;

/** Rewrites a model that stands for a subgraph, the types of whose inputs are proven; the same object says that nothing changed. */
export type Rewriting = (model: Model, reserved: ReadonlySet<string>) => Promise<Model>;

/** What the graph reads without defining it. */
export function captured(graph: Graph): Set<string> {
  const names = new Set(graph.outputs.map((o) => o.name));
  for (const node of graph.nodes) for (const name of readsOf(node)) names.add(name);
  const inside = new Set([...graph.inputs.map((i) => i.name), ...graph.initializers.keys()]);
  for (const { values } of graph.sparseInitializers) inside.add(values.name);
  for (const name of definedBy(graph.nodes)) inside.add(name);
  return new Set([...names].filter((name) => !inside.has(name)));
}

/** Results of nodes, and names that only graphs inside them define. */
function definedBy(nodes: readonly Node[]): string[] {
  return nodes.flatMap((node) => [
    ...node.outputs,
    ...subgraphs(node).flatMap((sub) => [
      ...sub.inputs.map((i) => i.name),
      ...sub.initializers.keys(),
      ...definedBy(sub.nodes),
    ]),
  ]);
}

/** What the inputs of a body are declared to be holds for their element types; sizes may change from trip to trip. */
const withoutSizes = (info: ValueInfo): ValueInfo => ({ ...info, type: info.type && withoutShapes(info.type) });

/** The subgraph with what it captures as inputs or, where that is known, as constants; and the way back. */
async function rewriteOne(
  model: Model,
  types: Types,
  sub: Graph,
  rewriting: Rewriting,
  reserved: ReadonlySet<string>,
): Promise<Graph> {
  const outerInputs = new Set(model.graph.inputs.map((i) => i.name));
  const constants = new Map<string, StoredTensor>();
  const inputs: ValueInfo[] = [];
  for (const name of captured(sub)) {
    const stored = outerInputs.has(name) ? undefined : model.graph.initializers.get(name);
    if (stored) constants.set(name, stored);
    else inputs.push({ name, type: types.get(name) ?? null });
  }
  const { training: _training, ...outer } = model;
  const whole: Model = {
    ...outer,
    irVersion: Math.max(model.irVersion, 4),
    graph: {
      ...sub,
      inputs: [...sub.inputs.map(withoutSizes), ...inputs],
      initializers: new Map([...constants, ...sub.initializers]),
    },
  };
  const result = await rewriting(whole, reserved);
  if (sameNodes(result.graph.nodes, sub.nodes)) return sub;
  return {
    ...result.graph,
    inputs: sub.inputs,
    initializers: new Map([...result.graph.initializers].filter(([name]) => !constants.has(name))),
    // The types that were found inside hang on those around it; the file says what it said.
    outputs: sub.outputs,
    values: new Map([...result.graph.values].filter(([name]) => sub.values.has(name))),
  };
}

function sameNodes(a: readonly Node[], b: readonly Node[]): boolean {
  return a.length === b.length && a.every((node, i) => node === b[i]);
}

async function rewriteNode(
  model: Model,
  types: Types,
  node: Node,
  rewriting: Rewriting,
  reserved: ReadonlySet<string>,
): Promise<Node> {
  if (subgraphs(node).length === 0) return node;
  const attributes = new Map<string, Attribute>();
  let changed = false;
  for (const [name, a] of node.attributes) {
    if (a.kind !== 'graph') {
      attributes.set(name, a);
      continue;
    }
    const value = await rewriteOne(model, types, a.value, rewriting, reserved);
    changed ||= value !== a.value;
    attributes.set(name, { ...a, value });
  }
  return changed ? { ...node, attributes } : node;
}

/**
 * Rewrites every subgraph of the model's graph.
 * @param types what is proven of the values of the graph
 * @returns the model itself when nothing changed
 */
export async function rewriteSubgraphs(
  model: Model,
  types: Types,
  rewriting: Rewriting,
  around: ReadonlySet<string>,
): Promise<Model> {
  const reserved = collectNames(model.graph, new Set(around));
  const nodes: Node[] = [];
  for (const node of model.graph.nodes) nodes.push(await rewriteNode(model, types, node, rewriting, reserved));
  return sameNodes(nodes, model.graph.nodes) ? model : { ...model, graph: { ...model.graph, nodes } };
}
