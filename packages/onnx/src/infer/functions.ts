/** Calls of model-local functions: the attributes of the call put in place of the references to them. */
import type { Attribute, FunctionBody, Graph, Node } from '../ir.js';

/**
 * The nodes of a function's body as one call sees them. A reference to an attribute that the call does not give and
 * that has no default is left out, as if the node did not have it (onnx.proto, AttributeProto.ref_attr_name).
 */
export function bindAttributes(body: FunctionBody, call: Node): Node[] {
  const given = new Map<string, Attribute>();
  for (const [name, attribute] of body.attributeDefaults ?? []) given.set(name, attribute);
  for (const [name, attribute] of call.attributes) given.set(name, attribute);
  return body.nodes.map((node) => bindNode(node, given));
}

function bindNode(node: Node, given: ReadonlyMap<string, Attribute>): Node {
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of node.attributes) {
    const bound = bindAttribute(attribute, given);
    if (bound) attributes.set(name, bound);
  }
  return { ...node, attributes };
}

function bindAttribute(attribute: Attribute, given: ReadonlyMap<string, Attribute>): Attribute | null {
  if (attribute.kind === 'reference') return given.get(attribute.name) ?? null;
  if (attribute.kind === 'graph') return { ...attribute, value: bindGraph(attribute.value, given) };
  if (attribute.kind === 'graphs') return { ...attribute, value: attribute.value.map((g) => bindGraph(g, given)) };
  return attribute;
}

function bindGraph(graph: Graph, given: ReadonlyMap<string, Attribute>): Graph {
  return { ...graph, nodes: graph.nodes.map((node) => bindNode(node, given)) };
}
