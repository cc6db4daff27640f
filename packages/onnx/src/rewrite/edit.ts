/** Edits that several passes share: renaming values and dropping what nothing needs. */
import { subgraphs } from '../builder.js';
import type { Attribute, Graph, Model, Node } from '../ir.js';
import { readsOf } from './view.js';

type Names = ReadonlyMap<string, string>;

/** Follows a chain of renames to its end. */
export function resolve(names: Names, name: string): string {
  let found = name;
  for (let next = names.get(found); next !== undefined; next = names.get(found)) found = next;
  return found;
}

/** The same node with other names for the values it reads, in its subgraphs too. */
export function renameReads(node: Node, names: Names): Node {
  if (names.size === 0) return node;
  const inputs = node.inputs.map((name) => resolve(names, name));
  if (subgraphs(node).length === 0) return { ...node, inputs };
  const inside = (graph: Graph): Graph => ({
    ...graph,
    nodes: graph.nodes.map((inner) => renameReads(inner, names)),
    outputs: graph.outputs.map((o) => ({ ...o, name: resolve(names, o.name) })),
  });
  const attributes = new Map<string, Attribute>();
  for (const [key, a] of node.attributes) {
    if (a.kind === 'graph') attributes.set(key, { ...a, value: inside(a.value) });
    else if (a.kind === 'graphs') attributes.set(key, { ...a, value: a.value.map(inside) });
    else attributes.set(key, a);
  }
  return { ...node, inputs, attributes };
}

/**
 * Drops the nodes that no graph output depends on, initializers that nothing reads, and the stored types of values
 * that are gone. Optional outputs that nobody reads stay. The interface of the graph does not change.
 */
export function eliminateDeadCode(model: Model): Model {
  const { graph } = model;
  const needed = new Set(graph.outputs.map((o) => o.name));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    nodes.push(node);
    for (const name of readsOf(node)) needed.add(name);
  }
  nodes.reverse();
  for (const { name } of graph.inputs) needed.add(name);
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)));
  const sparseInitializers = graph.sparseInitializers.filter(({ values }) => needed.has(values.name));
  const known = (name: string): boolean => made.has(name) || needed.has(name);
  const values = new Map([...graph.values].filter(([name]) => known(name)));
  const quantization = graph.quantization?.filter(({ tensor }) => tensor === undefined || known(tensor));
  return {
    ...model,
    graph: { ...graph, nodes, initializers, sparseInitializers, values, ...(quantization && { quantization }) },
  };
}
