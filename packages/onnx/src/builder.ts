/** Building graphs node by node with fresh names. */
import { emptyGraph } from './codec/graphs.js';
import { OnnxError } from './errors.js';
import type { Attribute, Dim, Graph, Model, Node, ValueInfo } from './ir.js';
import type { DataType, Tensor } from './tensor.js';

export interface NodeOptions {
  /** Node name; made unique when taken. Defaults to the operator with a number. */
  name?: string;
  /** Operator domain; the default ONNX domain when absent. */
  domain?: string;
  /** Names of the outputs instead of fresh ones; they must be unused. '' skips an optional output. */
  outputNames?: readonly string[];
}

export interface BuildOptions {
  /** Operator set of the default domain. 21 when absent. */
  opset?: number;
  /** Operator sets of other domains. */
  opsets?: Readonly<Record<string, number>>;
  /** IR version; 10 when absent, which is the one that introduced opset 21. */
  irVersion?: number;
  name?: string;
  producerName?: string;
  metadata?: Readonly<Record<string, string>>;
}

export function tensorInfo(name: string, dtype: DataType | null, shape: readonly Dim[] | null): ValueInfo {
  return { name, type: { kind: 'tensor', dtype, shape } };
}

/** Adds nodes in topological order. Every name it gives is unique within the graph. */
export class GraphBuilder {
  private readonly names: Set<string>;
  private readonly counters = new Map<string, number>();
  readonly graph: Graph;

  /**
   * @param base a graph to extend in place
   * @param taken names in use elsewhere; the names given here are added to it
   */
  constructor(base?: Graph, taken = new Set<string>()) {
    this.graph = base ?? emptyGraph('graph');
    this.names = taken;
    if (base) collectNames(base, this.names);
  }

  /** A name that no value or node of this graph has, starting with `stem`. */
  fresh(stem: string): string {
    if (stem !== '' && !this.names.has(stem)) {
      this.names.add(stem);
      return stem;
    }
    let count = this.counters.get(stem) ?? 0;
    let name: string;
    do name = `${stem}_${++count}`;
    while (this.names.has(name));
    this.counters.set(stem, count);
    this.names.add(name);
    return name;
  }

  private claim(name: string): string {
    if (name === '' || this.names.has(name)) {
      throw new OnnxError('build', `the name ${JSON.stringify(name)} is ${name === '' ? 'empty' : 'taken'}`);
    }
    this.names.add(name);
    return name;
  }

  input(name: string, dtype: DataType, shape: readonly Dim[] | null): string {
    this.graph.inputs.push(tensorInfo(this.claim(name), dtype, shape));
    return name;
  }

  /** Declares the value `name` as a graph output. */
  output(name: string, dtype: DataType | null, shape: readonly Dim[] | null): string {
    if (!this.names.has(name)) throw new OnnxError('build', `output ${JSON.stringify(name)} is computed by no node`);
    this.graph.outputs.push(tensorInfo(name, dtype, shape));
    return name;
  }

  /** Stores a tensor under exactly this name. */
  initializer(name: string, tensor: Tensor): string {
    this.graph.initializers.set(this.claim(name), { name, value: tensor });
    return name;
  }

  /** Stores a tensor under a fresh name. */
  constant(tensor: Tensor, stem = 'const'): string {
    const name = this.fresh(stem);
    this.graph.initializers.set(name, { name, value: tensor });
    return name;
  }

  /** Adds a node and returns the name of its output, or of all of them when `outputs` is a number above 1 or 0. */
  node(op: string, inputs: readonly string[], attributes?: Attributes, outputs?: 1, options?: NodeOptions): string;
  node(op: string, inputs: readonly string[], attributes: Attributes, outputs: number, options?: NodeOptions): string[];
  node(
    op: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    outputs = 1,
    options: NodeOptions = {},
  ): string | string[] {
    for (const input of inputs) {
      if (typeof input !== 'string') throw new OnnxError('build', `${op}: an input is not a name`);
    }
    const name = this.fresh(options.name ?? op);
    const given = options.outputNames;
    if (given && given.length !== outputs) {
      throw new OnnxError('build', `${op} was given ${given.length} output names for ${outputs} outputs`);
    }
    const made = given
      ? given.map((n) => (n === '' ? '' : this.claim(n)))
      : Array.from({ length: outputs }, (_, i) => this.fresh(outputs === 1 ? `${name}_out` : `${name}_out${i}`));
    const node: Node = {
      op,
      domain: options.domain ?? '',
      name,
      inputs: [...inputs],
      outputs: made,
      attributes: new Map(Object.entries(attributes).filter((e): e is [string, Attribute] => e[1] !== undefined)),
    };
    this.graph.nodes.push(node);
    return outputs === 1 ? made[0]! : made;
  }

  build(options: BuildOptions = {}): Model {
    this.graph.name = options.name ?? this.graph.name;
    return {
      irVersion: options.irVersion ?? 10,
      opsets: new Map([['', options.opset ?? 21], ...Object.entries(options.opsets ?? {})]),
      graph: this.graph,
      functions: [],
      producerName: options.producerName ?? 'verge',
      metadata: new Map(Object.entries(options.metadata ?? {})),
    };
  }
}

/** Attributes by name; an undefined one is left out. */
export type Attributes = Readonly<Record<string, Attribute | undefined>>;

/** All names in use in a graph and the graphs inside it. */
export function collectNames(graph: Graph, into = new Set<string>()): Set<string> {
  for (const list of [graph.inputs, graph.outputs]) for (const info of list) into.add(info.name);
  for (const name of graph.initializers.keys()) into.add(name);
  for (const sparse of graph.sparseInitializers) into.add(sparse.values.name);
  for (const node of graph.nodes) {
    into.add(node.name);
    for (const name of node.inputs) into.add(name);
    for (const name of node.outputs) into.add(name);
    for (const sub of subgraphs(node)) collectNames(sub, into);
  }
  return into;
}

/** The graphs that a node carries as attributes (branches of If, bodies of Loop and Scan). */
export function subgraphs(node: Node): Graph[] {
  const found: Graph[] = [];
  for (const a of node.attributes.values()) {
    if (a.kind === 'graph') found.push(a.value);
    else if (a.kind === 'graphs') found.push(...a.value);
  }
  return found;
}

/** The version of an operator set that the model imports, or null; '' and 'ai.onnx' name the same domain. */
export function opsetVersion(holder: { opsets: ReadonlyMap<string, number> }, domain = ''): number | null {
  const { opsets } = holder;
  if (isDefaultDomain(domain)) return opsets.get('') ?? opsets.get('ai.onnx') ?? null;
  return opsets.get(domain) ?? null;
}

export function isDefaultDomain(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}
