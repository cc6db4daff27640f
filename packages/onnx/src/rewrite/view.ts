/** Who makes and who reads each value of a graph. */
import { subgraphs } from '../builder.js';
import type { Graph, Node, ValueType } from '../ir.js';
import type { Tensor } from '../tensor.js';
import { valueTypes } from '../infer/index.js';
import { NEWEST_OPSET } from '../specs/lookup.js';

/** Values that a node reads, those that its subgraphs take from outside included. */
export function readsOf(node: Node): Set<string> {
  const names = new Set(node.inputs.filter((name) => name !== ''));
  for (const sub of subgraphs(node)) {
    for (const inner of sub.nodes) for (const name of readsOf(inner)) names.add(name);
    // A branch may hand an outer value straight through.
    for (const { name } of sub.outputs) names.add(name);
  }
  return names;
}

export class GraphView {
  private readonly producers = new Map<string, Node>();
  private readonly readers = new Map<string, Node[]>();
  private readonly outputs: ReadonlySet<string>;
  private readonly inputs: ReadonlySet<string>;

  /**
   * @param opset the version of the default operator set, by which operators mean what they mean
   * @param types of the values; those that the graph declares when absent
   */
  constructor(
    readonly graph: Graph,
    readonly opset = NEWEST_OPSET,
    private readonly types: ReadonlyMap<string, ValueType> = valueTypes(graph),
  ) {
    this.outputs = new Set(graph.outputs.map((o) => o.name));
    this.inputs = new Set(graph.inputs.map((i) => i.name));
    for (const node of graph.nodes) {
      for (const name of node.outputs) if (name !== '') this.producers.set(name, node);
      for (const name of readsOf(node)) {
        const list = this.readers.get(name);
        if (list) list.push(node);
        else this.readers.set(name, [node]);
      }
    }
  }

  producer(value: string): Node | null {
    return this.producers.get(value) ?? null;
  }

  /** The nodes that read a value, in graph order. */
  users(value: string): readonly Node[] {
    return this.readers.get(value) ?? [];
  }

  isOutput(value: string): boolean {
    return this.outputs.has(value);
  }

  isInput(value: string): boolean {
    return this.inputs.has(value);
  }

  /** The value of a constant: an initializer that no input may override, or the tensor of a Constant node. */
  constant(value: string): Tensor | null {
    const stored = this.inputs.has(value) ? undefined : this.graph.initializers.get(value);
    if (stored) return 'external' in stored.value ? null : stored.value;
    const node = this.producers.get(value);
    const attribute = node?.op === 'Constant' ? node.attributes.get('value') : undefined;
    if (attribute?.kind !== 'tensor' || 'external' in attribute.value.value) return null;
    return attribute.value.value;
  }

  type(value: string): ValueType | null {
    return this.types.get(value) ?? null;
  }
}
