/**
 * The order in which the executor takes a step apart. ONNX Runtime runs a graph from its leaves, the nodes whose results nobody reads: the last leaf
 * first, with all that it needs. The leaves of a step are the updates. Where a late one needs the gradient of an early layer, the whole
 * backward pass runs before any other update, and keeps what all of them need (Swin-T, 4x224x224: 528 MiB of activations and gradients at once).
 */
import { readsOf, type Graph, type Node } from '@verge/onnx';

/** How many nodes must run before this one. */
function needs(leaf: Node, makers: ReadonlyMap<string, Node>): number {
  const seen = new Set<Node>([leaf]);
  const open = [leaf];
  for (let node = open.pop(); node; node = open.pop()) {
    for (const name of readsOf(node)) {
      const maker = makers.get(name);
      if (!maker || seen.has(maker)) continue;
      seen.add(maker);
      open.push(maker);
    }
  }
  return seen.size;
}

/** @returns the same graph with its leaves behind everything else, those that need the fewest nodes last */
export function leavesByNeed(graph: Graph): Graph {
  const read = new Set(graph.nodes.flatMap((n) => [...readsOf(n)]));
  const makers = new Map(graph.nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
  const isLeaf = (node: Node): boolean => !node.outputs.some((o) => read.has(o));
  const leaves = graph.nodes.filter(isLeaf).map((node) => ({ node, count: needs(node, makers) }));
  leaves.sort((a, b) => b.count - a.count);
  return { ...graph, nodes: [...graph.nodes.filter((n) => !isLeaf(n)), ...leaves.map((leaf) => leaf.node)] };
}
