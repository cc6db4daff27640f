/** The order of nodes: each after those that it reads from. */
import { subgraphs } from '../builder.js';
import type { Graph, Node } from '../ir.js';

/** What a node reads from around it: its inputs, and what the graphs inside it use without defining it. */
function needs(node: Node): string[] {
  return [...node.inputs.filter((name) => name !== ''), ...subgraphs(node).flatMap(captured)];
}

function captured(graph: Graph): string[] {
  const inside = new Set([...graph.inputs.map((i) => i.name), ...graph.initializers.keys()]);
  for (const { values } of graph.sparseInitializers) inside.add(values.name);
  for (const node of graph.nodes) for (const name of node.outputs) inside.add(name);
  const read = [...graph.nodes.flatMap(needs), ...graph.outputs.map((o) => o.name)];
  return read.filter((name) => !inside.has(name));
}

/**
 * The nodes in an order in which each comes after what it reads, as near to the given one as that allows; the same array
 * where it is one already, and where there is none because nodes wait for each other.
 */
export function sorted(nodes: readonly Node[]): { nodes: readonly Node[]; late: string[] } {
  const maker = new Map<string, number>();
  nodes.forEach((node, i) => node.outputs.forEach((name) => name !== '' && maker.set(name, i)));
  const before = nodes.map((node) => [...new Set(needs(node).flatMap((name) => maker.get(name) ?? []))]);
  const late = nodes.filter((_, i) => before[i]!.some((from) => from >= i));
  if (late.length === 0) return { nodes, late: [] };
  const order: Node[] = [];
  const state = new Uint8Array(nodes.length); // 1: its needs are being placed, 2: placed
  for (let root = 0; root < nodes.length; root++) {
    const stack = [root];
    for (let i = stack.at(-1); i !== undefined; i = stack.at(-1)) {
      const next: number | undefined = state[i] === 2 ? undefined : before[i]!.find((from) => state[from] !== 2);
      if (next === undefined) {
        if (state[i] !== 2) order.push(nodes[i]!);
        state[i] = 2;
        stack.pop();
      } else if (state[next] === 1 || next === i) return { nodes, late: [] };
      else {
        state[i] = 1;
        stack.push(next);
      }
    }
  }
  return { nodes: order, late: late.map((node) => node.name || (node.outputs.find((name) => name !== '') ?? node.op)) };
}
