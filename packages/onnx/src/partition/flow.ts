/** Which nodes a partition places, and which values would flow between its stages. */
import type { Graph, Model, Node, ValueType } from '../ir.js';
import { isPure } from '../rewrite/pure.js';
import { readsOf } from '../rewrite/view.js';
import { typeBytes } from '../work/bytes.js';

export interface Flow {
  /** Nodes that depend on an input of the graph or draw random numbers, in order: what the stages divide. */
  readonly placed: readonly Node[];
  /** Nodes that depend on nothing that changes between runs. Each stage that needs one gets its own copy. */
  readonly constants: readonly Node[];
  /** For each placed node the values that it reads and that no constant supplies. */
  readonly reads: readonly (readonly string[])[];
  /** How many placed nodes must have run before a value is there; 0 for inputs of the graph. */
  readonly availableAfter: ReadonlyMap<string, number>;
}

export function flowOf(graph: Graph): Flow {
  const fixed = new Set<string>();
  const inputs = new Set(graph.inputs.map((i) => i.name));
  for (const name of graph.initializers.keys()) fixed.add(name);
  for (const { values } of graph.sparseInitializers) fixed.add(values.name);
  // An initializer that is an input too is a default value: a caller may give another one, but need not.
  const varying = new Set([...inputs].filter((name) => fixed.has(name)));
  const placed: Node[] = [];
  const constants: Node[] = [];
  const availableAfter = new Map<string, number>();
  for (const name of inputs) if (!fixed.has(name)) availableAfter.set(name, 0);
  const constant = (name: string): boolean => name === '' || (fixed.has(name) && !varying.has(name));
  for (const node of graph.nodes) {
    if (isPure(node) && node.inputs.every(constant)) {
      constants.push(node);
      for (const name of node.outputs) fixed.add(name);
    } else {
      placed.push(node);
      for (const name of node.outputs) if (name !== '') availableAfter.set(name, placed.length);
    }
  }
  const reads = placed.map((node) => [...readsOf(node)].filter((name) => availableAfter.has(name)));
  // An input that is handed straight on as an output belongs to the last stage.
  for (const { name } of graph.outputs) if (availableAfter.get(name) === 0) reads.at(-1)?.push(name);
  return { placed, constants, reads, availableAfter };
}

/** Sizes of values: what was measured, else what the types say, else the largest that is known. */
export class ValueSizes {
  readonly #largest: number;

  constructor(
    private readonly types: ReadonlyMap<string, ValueType>,
    values: Iterable<string>,
    private readonly measured: ReadonlyMap<string, number>,
  ) {
    this.#largest = Math.max(1, ...[...values].map((name) => this.known(name) ?? 0));
  }

  known(name: string): number | null {
    return this.measured.get(name) ?? typeBytes(this.types.get(name));
  }

  /** Infinity for what cannot be handed from one model to another: no tensor, or one of unknown element type. */
  assumed(name: string): number {
    const type = this.types.get(name);
    if (type?.kind !== 'tensor' || !type.dtype) return Infinity;
    return this.known(name) ?? this.#largest;
  }
}

/** What a stage that starts at a placed node receives, by where it ends: `CutProblem.receives`. */
export function receivesOf(flow: Flow, sizes: ValueSizes): (start: number) => Float64Array {
  const countedFor = new Map<string, number>();
  const bytesOf = new Map([...flow.availableAfter.keys()].map((name) => [name, sizes.assumed(name)]));
  return (start) => {
    const row = new Float64Array(flow.placed.length + 1);
    // The first stage is where the inputs come in.
    if (start === 0) return row;
    let bytes = 0;
    for (let end = start + 1; end < row.length; end++) {
      for (const name of flow.reads[end - 1]!) {
        if (flow.availableAfter.get(name)! > start || countedFor.get(name) === start) continue;
        countedFor.set(name, start);
        bytes += bytesOf.get(name)!;
      }
      row[end] = bytes;
    }
    return row;
  };
}

/** The model's opsets, functions and descriptions around another graph; training information speaks of the whole. */
export function around(model: Model, graph: Graph): Model {
  const { training: _, ...rest } = model;
  return { ...rest, graph };
}
