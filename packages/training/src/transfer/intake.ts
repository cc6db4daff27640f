/**
 * What a training makes of a file before anything else: the model as the rules of ONNX want it, without functions of its own, and
 * with the constants of branches among those of the graph, where they can be parameters.
 */
import {
  collectNames,
  inlineFunctions,
  normalise,
  prepare,
  renameGraph,
  subgraphs,
  type Attribute,
  type Graph,
  type Model,
  type Node,
  type Repair,
  type StoredTensor,
} from '@verge/onnx';
import { liftConstants } from './constants.js';

export interface TakenIn {
  /** The given model where there was nothing to do. */
  readonly model: Model;
  readonly repairs: readonly Repair[];
}

const isBranching = (node: Node): boolean => node.op === 'If' && subgraphs(node).length > 0;

/** Moves the constants of the branches of an If, and of those inside them, to the graph around; names that are taken get others. */
class Hoisting {
  readonly moved = new Map<string, StoredTensor>();
  readonly #taken: Set<string>;

  constructor(graph: Graph) {
    this.#taken = collectNames(graph);
  }

  node(node: Node): Node {
    if (!isBranching(node)) return node;
    const attributes = new Map<string, Attribute>();
    for (const [name, a] of node.attributes)
      attributes.set(name, a.kind === 'graph' ? { ...a, value: this.#branch(a.value) } : a);
    return { ...node, attributes };
  }

  #branch(given: Graph): Graph {
    const branch = liftConstants(given);
    const names = new Map<string, string>();
    const outputs = new Set(branch.outputs.map((o) => o.name));
    for (const name of branch.initializers.keys()) {
      // Executors want what a branch gives to be made inside it.
      if (outputs.has(name)) continue;
      // The branch itself has the name; only a second constant of that name needs another.
      let own = name;
      while (this.moved.has(own) || (own !== name && this.#taken.has(own))) own = `${own}_`;
      this.#taken.add(own);
      names.set(name, own);
    }
    const renamed = renameGraph(branch, names);
    const left = new Map([...renamed.initializers].filter(([name]) => outputs.has(name)));
    for (const [name, stored] of renamed.initializers) if (!left.has(name)) this.moved.set(name, stored);
    return { ...renamed, initializers: left, nodes: renamed.nodes.map((node) => this.node(node)) };
  }
}

function withoutInnerConstants(graph: Graph): Graph {
  if (!graph.nodes.some(isBranching)) return graph;
  const hoisting = new Hoisting(graph);
  const nodes = graph.nodes.map((node) => hoisting.node(node));
  if (hoisting.moved.size === 0) return graph;
  return { ...graph, nodes, initializers: new Map([...graph.initializers, ...hoisting.moved]) };
}

/**
 * @param options.strict refuses a model that breaks a rule or declares what does not hold, instead of repairing it
 * @throws OnnxError as `normalise`; with `strict` as `prepare`
 */
export function takeIn(given: Model, { strict = false }: { readonly strict?: boolean } = {}): TakenIn {
  if (strict) prepare(given, { strict });
  const { model: legal, repairs } = normalise(given);
  const { model: flat } = inlineFunctions(legal);
  const graph = withoutInnerConstants(flat.graph);
  return { model: graph === flat.graph ? flat : { ...flat, graph }, repairs };
}
