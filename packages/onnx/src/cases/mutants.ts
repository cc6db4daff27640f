/**
 * Test support: mutants of a model. What changes is the order of nodes and operands, what the file declares of its values, which
 * sizes are open and what they are called, how often a constant is stored, numbers, and what is read or given.
 */
import type { Dim, Graph, Model, StoredTensor, ValueInfo } from '../ir.js';

type Random = () => number;
type Mutation = (graph: Graph, random: Random) => Graph;

const below = (random: Random, n: number): number => Math.floor(random() * n);
const one = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!;

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = below(random, i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

const remapped = (info: ValueInfo, f: (d: Dim) => Dim): ValueInfo =>
  info.type?.kind === 'tensor' && info.type.shape
    ? { ...info, type: { ...info.type, shape: info.type.shape.map(f) } }
    : info;

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  order: (graph, random) => ({ ...graph, nodes: shuffled(graph.nodes, random) }),
  /** Sizes of the inputs are left open, some without a name, some under one name. */
  open: (graph, random) => {
    const name = (): Dim => one(random, ['a', 'b', 'a', null, -1]);
    return { ...graph, inputs: graph.inputs.map((i) => remapped(i, (d) => (random() < 0.5 ? name() : d))) };
  },
  /** Outputs are declared with sizes that they may not have. */
  claim: (graph, random) => {
    const wrong = (d: Dim): Dim => (random() < 0.4 ? one<Dim>(random, [1, 2, 3, 'a', 'b', null, -1]) : d);
    return { ...graph, outputs: graph.outputs.map((o) => remapped(o, wrong)) };
  },
  /** Values inside are declared, whatever they are. */
  declare: (graph, random) => {
    const values = new Map(graph.values);
    const outputs = new Set(graph.outputs.map((o) => o.name));
    for (const name of graph.nodes.flatMap((node) => node.outputs)) {
      if (name === '' || outputs.has(name) || random() < 0.5) continue;
      const shape = Array.from({ length: 1 + below(random, 4) }, () => one<Dim>(random, [1, 2, 3, 'a', null]));
      const dtype = graph.values.get(name)?.type;
      if (dtype?.kind === 'tensor') values.set(name, { name, type: { ...dtype, shape } });
    }
    return { ...graph, values };
  },
  forget: (graph) => ({ ...graph, values: new Map() }),
  names: (graph) => ({ ...graph, name: '', nodes: graph.nodes.map((node) => ({ ...node, name: 'node' })) }),
  /** A constant is stored once more for one of its readers. */
  copy: (graph, random) => {
    const names = [...graph.initializers.keys()];
    if (names.length === 0) return graph;
    const name = one(random, names);
    const copy = `${name}__copy`;
    const stored: StoredTensor = { ...graph.initializers.get(name)!, name: copy };
    const readers = graph.nodes.filter((node) => node.inputs.includes(name));
    if (readers.length === 0 || graph.initializers.has(copy)) return graph;
    const reader = one(random, readers);
    const reads = { ...reader, inputs: reader.inputs.map((n) => (n === name ? copy : n)) };
    return {
      ...graph,
      initializers: new Map([...graph.initializers, [copy, stored]]),
      nodes: graph.nodes.map((node) => (node === reader ? reads : node)),
    };
  },
};

/** Mutations after which the model computes something else; right is what it computes itself. */
const VARIATIONS: Readonly<Record<string, Mutation>> = {
  /** Sums and products with their operands exchanged. */
  swap: (graph, random) => {
    const swapped = (inputs: readonly string[]): string[] => [inputs[1]!, inputs[0]!];
    const nodes = graph.nodes.map((node) =>
      ['Add', 'Mul'].includes(node.op) && random() < 0.5 ? { ...node, inputs: swapped(node.inputs) } : node,
    );
    return { ...graph, nodes };
  },
  /** A value inside becomes an output. */
  give: (graph, random) => {
    const given = new Set(graph.outputs.map((o) => o.name));
    const inside = graph.nodes
      .flatMap((node) => node.outputs)
      .filter((name) => name !== '' && !given.has(name) && graph.values.get(name)?.type?.kind === 'tensor');
    if (inside.length === 0) return graph;
    return { ...graph, outputs: [...graph.outputs, graph.values.get(one(random, inside))!] };
  },
  /** A number is another one. */
  number: (graph, random) => {
    const numbers = [...graph.initializers.values()].flatMap((stored) => {
      const { value } = stored;
      return value.dtype === 'float32' && !('external' in value) && value.data.length === 1 ? [{ stored, value }] : [];
    });
    if (numbers.length === 0) return graph;
    const { stored, value } = one(random, numbers);
    const factor = one(random, [2, 1.001, -1, 3]);
    const changed: StoredTensor = { ...stored, value: { ...value, data: value.data.map((v) => v * factor) } };
    return { ...graph, initializers: new Map([...graph.initializers, [stored.name, changed]]) };
  },
  /** A node reads something else of the same type. */
  reread: (graph, random) => {
    const typed = (name: string): string => JSON.stringify(graph.values.get(name)?.type ?? null);
    const at = below(random, graph.nodes.length);
    const node = graph.nodes[at];
    const read = node?.inputs[below(random, node.inputs.length)];
    if (!node || !read || !graph.values.has(read)) return graph;
    const before = graph.nodes.slice(0, at).flatMap((n) => n.outputs);
    const others = before.filter((name) => name !== read && typed(name) === typed(read));
    if (others.length === 0) return graph;
    const inputs = node.inputs.with(node.inputs.indexOf(read), one(random, others));
    return { ...graph, nodes: graph.nodes.with(at, { ...node, inputs }) };
  },
};

/** A mutant by one to four mutations, and their names. */
export function mutate(model: Model, random: Random): { model: Model; how: string } {
  const kinds = { ...VARIATIONS, ...MUTATIONS };
  const names = shuffled(Object.keys(kinds), random).slice(0, 1 + below(random, 4));
  // What varies comes first: it looks at what is declared, and at the order of the nodes.
  const ordered = Object.keys(kinds).filter((name) => names.includes(name));
  const graph = ordered.reduce((g, name) => kinds[name]!(g, random), model.graph);
  const repeated = random() < 0.2 ? { repeatedOpsets: [...model.opsets.keys()].slice(0, 1) } : {};
  return { model: { ...model, ...repeated, graph }, how: ordered.join(', ') };
}
