/** Who writes and who reads each value of a graph. */
import { collectNames, subgraphs, type Graph, type Model, type Node, type Tensor } from '@verge/onnx';

/** Names that the graphs inside a node (branches, loop bodies) mention; among them the outer values that they read. */
export function capturedNames(node: Node): string[] {
  return subgraphs(node).flatMap((graph) => [...collectNames(graph)]);
}

export class GraphIndex {
  readonly producers = new Map<string, Node>();
  readonly consumers = new Map<string, Node[]>();
  readonly outputs: ReadonlySet<string>;
  readonly inputs: ReadonlySet<string>;
  readonly #graph: Graph;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.outputs = new Set(graph.outputs.map((o) => o.name));
    this.inputs = new Set(graph.inputs.filter((i) => !graph.initializers.has(i.name)).map((i) => i.name));
    for (const node of graph.nodes) {
      for (const output of node.outputs) if (output !== '') this.producers.set(output, node);
      for (const input of new Set([...node.inputs, ...capturedNames(node)])) {
        if (input === '') continue;
        const list = this.consumers.get(input);
        if (list) list.push(node);
        else this.consumers.set(input, [node]);
      }
    }
  }

  readers(value: string): readonly Node[] {
    return this.consumers.get(value) ?? [];
  }

  /** The only reader of a value, or null when there are several, none, or the value leaves the graph. */
  soleReader(value: string): Node | null {
    const readers = this.readers(value);
    return readers.length === 1 && !this.outputs.has(value) ? (readers[0] as Node) : null;
  }

  /** A constant that is in the model file. */
  constant(value: string | undefined): Tensor | null {
    const stored = value ? this.#graph.initializers.get(value)?.value : undefined;
    return stored && 'data' in stored && !this.inputs.has(value as string) ? stored : null;
  }

  /** A float32 constant. */
  floats(value: string | undefined): { dims: readonly number[]; data: Float32Array } | null {
    const tensor = this.constant(value);
    return tensor?.dtype === 'float32' ? tensor : null;
  }
}

/** A copy whose nodes and initializers can be edited without touching the original. */
export function cloneModel(model: Model): Model {
  const { graph } = model;
  return {
    ...model,
    opsets: new Map(model.opsets),
    graph: {
      ...graph,
      inputs: [...graph.inputs],
      outputs: [...graph.outputs],
      initializers: new Map(graph.initializers),
      values: new Map(graph.values),
      nodes: graph.nodes.map((n) => ({
        ...n,
        inputs: [...n.inputs],
        outputs: [...n.outputs],
        attributes: new Map(n.attributes),
      })),
    },
  };
}

/** How a node is called in reports. */
export const nodeName = (node: Node): string => node.name || `${node.op}:${node.outputs[0] ?? ''}`;
