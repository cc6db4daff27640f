/** What a graph works out from constants and sizes alone, as constants: gradients of slices and interpolation must know their numbers. */
import { knownFloats, knownIntegers, OnnxError, type Graph, type Model, type Node, type Tensor } from '@verge/onnx';

/** Sizes that contradict each other are reported where all shapes are inferred. */
function knownIn(work: () => Map<string, Tensor>): Map<string, Tensor> {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof OnnxError) return new Map();
    throw cause;
  }
}

/**
 * Sizes that the graph works out (Shape, Gather, Concat, ...) as constants: a gradient must know where a slice begins. What
 * follows from trained values stays as it is, for that is no whole number.
 */
export function withKnownIntegers(model: Model): Graph {
  const { graph } = model;
  const known = knownIn(() => knownIntegers(model, { fresh: true }));
  for (const { name } of graph.outputs) known.delete(name);
  const initializers = new Map(graph.initializers);
  const isKnown = (node: Node): boolean => node.outputs.every((o) => o === '' || known.has(o));
  for (const node of graph.nodes.filter(isKnown))
    for (const name of node.outputs) if (name !== '') initializers.set(name, { name, value: known.get(name)! });
  return { ...graph, nodes: graph.nodes.filter((node) => !isKnown(node)), initializers };
}

/** Where a Resize reads its region and its scales. */
const SCALES = [1, 2];

/** Scales that nodes put together, as exporters write them that fold nothing, as constants of each Resize. */
export function withKnownScales(model: Model, fresh: () => string): Graph {
  const { graph } = model;
  const made = new Set(graph.nodes.flatMap((node) => node.outputs));
  const isRead = (node: Node): boolean => node.op === 'Resize' && node.domain === '';
  const names = graph.nodes.filter(isRead).flatMap(({ inputs }) => SCALES.map((i) => inputs[i] ?? ''));
  const asked = names.filter((name) => name !== '' && made.has(name));
  if (asked.length === 0) return graph;
  const initializers = new Map(graph.initializers);
  const constants = new Map<string, string>();
  for (const [of, value] of knownIn(() => knownFloats(model, asked, { fresh: true }))) {
    const name = fresh();
    initializers.set(name, { name, value });
    constants.set(of, name);
  }
  const nodes = graph.nodes.map((node) => {
    if (!isRead(node)) return node;
    const inputs = node.inputs.map((name, i) => (SCALES.includes(i) ? (constants.get(name) ?? name) : name));
    return { ...node, inputs };
  });
  return { ...graph, nodes, initializers };
}
