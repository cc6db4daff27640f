/** A graph under other names, the graphs inside it too. */
import type { Attribute, Graph, Node, StoredTensor, ValueInfo } from '../ir.js';

type Names = ReadonlyMap<string, string>;

/** A node under other names, what it reads and makes, in its subgraphs too. */
export function renameNode(node: Node, names: Names): Node {
  const name = (value: string): string => names.get(value) ?? value;
  const attributes = new Map<string, Attribute>();
  for (const [key, a] of node.attributes) {
    if (a.kind === 'graph') attributes.set(key, { ...a, value: renameGraph(a.value, names) });
    else if (a.kind === 'graphs') attributes.set(key, { ...a, value: a.value.map((g) => renameGraph(g, names)) });
    else attributes.set(key, a);
  }
  return {
    ...node,
    name: name(node.name),
    inputs: node.inputs.map(name),
    outputs: node.outputs.map(name),
    attributes,
  };
}

/** Every value and node that `names` has, called what it says there; all else stays. */
export function renameGraph(graph: Graph, names: Names): Graph {
  const name = (value: string): string => names.get(value) ?? value;
  const info = (value: ValueInfo): ValueInfo => ({ ...value, name: name(value.name) });
  const initializers = [...graph.initializers].map(([key, stored]): [string, StoredTensor] => [
    name(key),
    { ...stored, name: name(key) },
  ]);
  const quantization = graph.quantization?.map(({ tensor, parameters, ...rest }) => ({
    ...rest,
    ...(tensor !== undefined && { tensor: name(tensor) }),
    parameters: new Map([...parameters].map(([key, value]) => [key, name(value)])),
  }));
  return {
    ...graph,
    inputs: graph.inputs.map(info),
    outputs: graph.outputs.map(info),
    nodes: graph.nodes.map((n) => renameNode(n, names)),
    initializers: new Map(initializers),
    values: new Map([...graph.values].map(([key, value]) => [name(key), info(value)])),
    ...(quantization && { quantization }),
  };
}
