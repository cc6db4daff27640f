/**
 * Test support: mutants of a model that compute the same as it does. What changes is the order of nodes, what the file
 * declares of its values, which sizes are open and what they are called, and how often a constant is stored.
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

/** A mutant by one to four mutations, and their names. */
export function mutate(model: Model, random: Random): { model: Model; how: string } {
  const names = shuffled(Object.keys(MUTATIONS), random).slice(0, 1 + below(random, 4));
  const graph = names.reduce((g, name) => MUTATIONS[name]!(g, random), model.graph);
  const repeated = random() < 0.2 ? { repeatedOpsets: [...model.opsets.keys()].slice(0, 1) } : {};
  return { model: { ...model, ...repeated, graph }, how: names.join(', ') };
}
