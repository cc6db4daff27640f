/** Who makes and how many read each value of a graph. */
import type { Graph, Node } from '@verge/onnx';

export interface Uses {
  readonly makers: ReadonlyMap<string, Node>;
  /** Nodes that read a value; an output of the graph is one more. */
  readonly readers: ReadonlyMap<string, number>;
}

export function usesOf({ nodes, outputs }: Graph): Uses {
  const readers = new Map<string, number>();
  for (const name of [...nodes.flatMap((n) => n.inputs), ...outputs.map((o) => o.name)])
    readers.set(name, (readers.get(name) ?? 0) + 1);
  return { makers: new Map(nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const))), readers };
}
