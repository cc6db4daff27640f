/** What `verge inspect` shows: size, cost and structure of a model. */
import { opsetVersion, subgraphs } from './builder.js';
import { inferShapes, valueTypes } from './infer/index.js';
import type { Dim, Graph, Model, Node, StoredTensor, ValueInfo, ValueType } from './ir.js';
import { atSizes } from './sizes.js';
import { elementCount, type DataType } from './tensor.js';
import { nodeMacs, shapesOf, storedBytes, typeBytes } from './work.js';

export interface ValueSummary {
  name: string;
  dtype: DataType | null;
  shape: readonly Dim[] | null;
}

export interface LayerSummary {
  name: string;
  op: string;
  /** Shape of the first output, symbolic sizes as assumed. */
  shape: readonly Dim[] | null;
  /** Elements of the weights that this node is the first to read. */
  parameters: number;
  weightBytes: number;
  /** Multiply-accumulate operations of one run; null when a size is unknown. */
  macs: number | null;
}

export interface ModelSummary {
  name: string;
  irVersion: number;
  /** Operator-set version by domain, the default one as 'ai.onnx'. */
  opsets: Record<string, number>;
  producer: string;
  inputs: ValueSummary[];
  outputs: ValueSummary[];
  nodes: number;
  /** Nodes per operator, most frequent first. */
  operators: Record<string, number>;
  /** Elements of all weights: stored tensors but scalars and int64, bool and string ones, which are not weights. */
  parameters: number;
  /** Bytes of all stored tensors. */
  weightBytes: number;
  /** Multiply-accumulates of one run; null when a layer's are unknown. */
  macs: number | null;
  /**
   * Most bytes of inputs and intermediate values alive at once, running node by node, freeing each value after its last
   * use and reusing no buffer in place; null when a size is unknown. An estimate: executors reorder, fuse and reuse.
   */
  peakActivationBytes: number | null;
  /** Sizes assumed for symbolic dimensions. */
  assumed: Record<string, number>;
  metadata: Record<string, string>;
  layers: LayerSummary[];
}

/** Elements that count as parameters. */
function parametersOf({ value }: StoredTensor): number {
  const weights = !['int64', 'bool', 'string'].includes(value.dtype) && value.dims.length > 0;
  return weights ? elementCount(value.dims) : 0;
}

/** Tensors by name: initializers and the values of Constant nodes. */
function storedTensors(graph: Graph): Map<string, StoredTensor> {
  const stored = new Map(graph.initializers);
  for (const node of graph.nodes) {
    const value = node.op === 'Constant' ? node.attributes.get('value') : undefined;
    if (value?.kind === 'tensor') stored.set(node.outputs[0]!, value.value);
  }
  return stored;
}

function peakActivations(
  graph: Graph,
  stored: ReadonlyMap<string, StoredTensor>,
  types: Map<string, ValueType>,
): number | null {
  const lastUse = new Map<string, number>();
  const readsOf = (node: Node): string[] => [
    ...node.inputs,
    ...subgraphs(node).flatMap((sub) => sub.nodes.flatMap((inner) => readsOf(inner))),
  ];
  graph.nodes.forEach((node, i) => readsOf(node).forEach((name) => lastUse.set(name, i)));
  for (const { name } of graph.outputs) lastUse.set(name, Infinity);
  const live = new Map<string, number>();
  let alive = 0;
  const add = (name: string): boolean => {
    if (name === '' || stored.has(name) || live.has(name)) return true;
    const bytes = typeBytes(types.get(name));
    if (bytes === null) return false;
    live.set(name, bytes);
    alive += bytes;
    return true;
  };
  if (!graph.inputs.every(({ name }) => add(name))) return null;
  const freedAfter = graph.nodes.map((): string[] => []);
  for (const [name, i] of lastUse) freedAfter[i]?.push(name);
  graph.nodes.forEach((node, i) => {
    for (const name of node.outputs) if (!lastUse.has(name)) freedAfter[i]!.push(name);
  });
  let peak = alive;
  for (const [i, node] of graph.nodes.entries()) {
    if (!node.outputs.every(add)) return null;
    peak = Math.max(peak, alive);
    for (const name of freedAfter[i]!) {
      alive -= live.get(name) ?? 0;
      live.delete(name);
    }
  }
  return peak;
}

const describe = ({ name, type }: ValueInfo): ValueSummary =>
  type?.kind === 'tensor' ? { name, dtype: type.dtype, shape: type.shape } : { name, dtype: null, shape: null };

function histogram(graph: Graph): Record<string, number> {
  const counts = new Map<string, number>();
  const count = ({ nodes }: Graph): void => {
    for (const node of nodes) {
      counts.set(node.op, (counts.get(node.op) ?? 0) + 1);
      subgraphs(node).forEach(count);
    }
  };
  count(graph);
  return Object.fromEntries([...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)));
}

function layersOf(
  graph: Graph,
  stored: ReadonlyMap<string, StoredTensor>,
  types: Map<string, ValueType>,
): LayerSummary[] {
  const shape = shapesOf(types);
  const seen = new Set<string>();
  return graph.nodes
    .filter((node) => node.op !== 'Constant')
    .map((node): LayerSummary => {
      const weights = node.inputs
        .filter((name) => stored.has(name) && !seen.has(name))
        .map((name) => stored.get(name)!);
      node.inputs.forEach((name) => seen.add(name));
      const type = types.get(node.outputs.find((o) => o !== '') ?? '');
      return {
        name: node.name || (node.outputs[0] ?? ''),
        op: node.op,
        shape: type?.kind === 'tensor' ? type.shape : null,
        parameters: weights.reduce((sum, w) => sum + parametersOf(w), 0),
        weightBytes: weights.reduce((sum, w) => sum + storedBytes(w), 0),
        macs: nodeMacs(node, shape),
      };
    });
}

/**
 * Describes a model.
 * @param dims sizes of symbolic dimensions; 1 for those not named
 * @throws OnnxError `shape` when the model's shapes contradict each other
 */
export function summarize(model: Model, dims: Readonly<Record<string, number>> = {}): ModelSummary {
  const { model: sized, assumed } = atSizes(model, dims);
  const { graph } = sized;
  const types = valueTypes(graph);
  const stored = storedTensors(graph);
  const layers = layersOf(graph, stored, types);
  const all = [...stored.values()];
  const given = model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name));
  return {
    name: graph.name,
    irVersion: model.irVersion,
    opsets: { 'ai.onnx': opsetVersion(model) ?? 1, ...Object.fromEntries([...model.opsets].filter(([d]) => d !== '')) },
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(' '),
    inputs: given.map(describe),
    outputs: inferShapes(model).graph.outputs.map(describe),
    nodes: graph.nodes.length,
    operators: histogram(graph),
    parameters: all.reduce((sum, t) => sum + parametersOf(t), 0),
    weightBytes: all.reduce((sum, t) => sum + storedBytes(t), 0),
    macs: layers.some((l) => l.macs === null) ? null : layers.reduce((sum, l) => sum + l.macs!, 0),
    peakActivationBytes: peakActivations(graph, stored, types),
    assumed,
    metadata: Object.fromEntries(model.metadata),
    layers,
  };
}
