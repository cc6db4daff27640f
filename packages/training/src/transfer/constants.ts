/** Constant nodes as initializers, which can be parameters. */
import { isDefaultDomain, type DataType, type Graph, type Node, type StoredTensor } from '@verge/onnx';

/** What a Constant node holds where it is of one of the types and no scalar. */
function storedIn(node: Node, dtypes: readonly DataType[]): StoredTensor | undefined {
  const attribute = node.op === 'Constant' && isDefaultDomain(node.domain) ? node.attributes.get('value') : undefined;
  if (attribute?.kind !== 'tensor') return undefined;
  const { value } = attribute.value;
  if (!('data' in value) || !dtypes.includes(value.dtype) || value.dims.length === 0) return undefined;
  return { name: node.outputs[0]!, value };
}

const FLOATS: readonly DataType[] = ['float32', 'float16', 'bfloat16'];

/** Constant nodes as initializers; scalars, and other types than those given, are no parameters and stay. */
export function liftConstants(graph: Graph, dtypes = FLOATS): Graph {
  const outputs = new Set(graph.outputs.map((o) => o.name));
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.filter((node) => {
    const stored = storedIn(node, dtypes);
    if (!stored || outputs.has(stored.name)) return true;
    initializers.set(stored.name, stored);
    return false;
  });
  return nodes.length === graph.nodes.length ? graph : { ...graph, nodes, initializers };
}
