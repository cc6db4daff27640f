/**
 * Which constants of a model are parameters, and how they lie in one flat vector. A run pays 5 to 7 microseconds for each
 * input and output, so parameters, optimiser slots and running statistics travel as one tensor each.
 */
import { elementCount, type Graph, type Node, type StoredTensor } from '@verge/onnx';
import type { Shape } from './tape.js';

export type ParameterRole = 'weight' | 'bias' | 'scale' | 'shift';

export interface Parameter {
  readonly name: string;
  readonly role: ParameterRole;
  readonly shape: Shape;
  /** First element in the flat vector. */
  readonly offset: number;
  readonly size: number;
}

export interface Layout {
  readonly entries: readonly Parameter[];
  /** Elements of the whole vector. */
  readonly size: number;
}

/** X, W, R, B; lengths and initial states are data. LSTM has peepholes behind them. */
const recurrent = [undefined, 'weight', 'weight', 'bias'] as const;

/** Roles by operator and input index. Weight decay touches weights only. */
const roles: Readonly<Record<string, readonly (ParameterRole | undefined)[]>> = {
  Conv: [undefined, 'weight', 'bias'],
  ConvTranspose: [undefined, 'weight', 'bias'],
  Gemm: ['weight', 'weight', 'bias'],
  MatMul: ['weight', 'weight'],
  BatchNormalization: [undefined, 'scale', 'shift'],
  GroupNormalization: [undefined, 'scale', 'shift'],
  InstanceNormalization: [undefined, 'scale', 'shift'],
  LayerNormalization: [undefined, 'scale', 'shift'],
  RMSNormalization: [undefined, 'scale'],
  PRelu: [undefined, 'scale'],
  Gather: ['weight'],
  RNN: recurrent,
  GRU: recurrent,
  LSTM: [...recurrent, undefined, undefined, undefined, 'weight'],
};

/** The values of a float32 constant that lives in the model. */
export function floatsOf(stored: StoredTensor | undefined): Float32Array | undefined {
  return stored && 'data' in stored.value && stored.value.dtype === 'float32' ? stored.value.data : undefined;
}

/** Operators whose result a following Add may give a bias. */
const PRODUCTS: ReadonlySet<string> = new Set(['MatMul', 'Conv', 'ConvTranspose', 'Einsum']);

/** Operators that only change how a constant is stored or lies; a weight that is quantised in training is behind two of them. */
const VEILS: ReadonlySet<string> = new Set([
  'DequantizeLinear',
  'Identity',
  'QuantizeLinear',
  'Reshape',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
]);

/** Any operand of an Einsum may be its weight. */
const rolesOf = (node: Node): readonly (ParameterRole | undefined)[] =>
  node.op === 'Einsum' ? node.inputs.map(() => 'weight') : (roles[node.op] ?? []);

/** What an operator's input is to training where a constant is read there; undefined where it is data. */
export function roleAt(node: Node, index: number): ParameterRole | undefined {
  return rolesOf(node)[index];
}

/**
 * Trainable constants by name: weights and biases of products, convolutions and recurrent layers, scales and shifts of
 * normalisations, slopes of PRelu, embeddings, and the bias that is added to a product. Other constants (factors of the
 * input, bounds of Clip) are left alone.
 */
export function findParameters(graph: Graph): Map<string, ParameterRole> {
  const found = new Map<string, ParameterRole>();
  const products = new Set(graph.nodes.filter((n) => PRODUCTS.has(n.op)).map((n) => n.outputs[0]!));
  const veils = new Map(graph.nodes.filter((n) => VEILS.has(n.op)).map((n) => [n.outputs[0]!, n.inputs[0]!]));
  const consider = (name: string | undefined, role: ParameterRole | undefined): void => {
    while (name !== undefined && veils.has(name)) name = veils.get(name);
    if (name && role && !found.has(name) && floatsOf(graph.initializers.get(name))) found.set(name, role);
  };
  for (const node of graph.nodes) {
    if (node.domain !== '') continue;
    node.inputs.forEach((input, i) => consider(input, rolesOf(node)[i]));
    if (node.op === 'Add' && node.inputs.some((i) => products.has(i))) node.inputs.forEach((i) => consider(i, 'bias'));
  }
  return found;
}

/** Running statistics of BatchNormalization (its inputs 3 and 4) in node order. */
export function findStatistics(graph: Graph): string[] {
  const names = graph.nodes
    .filter((n) => n.domain === '' && n.op === 'BatchNormalization')
    .flatMap((n) => n.inputs.slice(3, 5));
  return [...new Set(names)];
}

/** Packs the named constants one behind the other. */
export function layoutOf(graph: Graph, names: ReadonlyMap<string, ParameterRole>): Layout {
  let offset = 0;
  const entries = [...names].map(([name, role]) => {
    const shape = graph.initializers.get(name)!.value.dims;
    const entry = { name, role, shape, offset, size: elementCount(shape) };
    offset += entry.size;
    return entry;
  });
  return { entries, size: offset };
}

/** The flat vector of a model's own values. */
export function packFrom(graph: Graph, layout: Layout): Float32Array {
  const flat = new Float32Array(layout.size);
  for (const entry of layout.entries) flat.set(floatsOf(graph.initializers.get(entry.name))!, entry.offset);
  return flat;
}

/** Splits a flat vector by name, without copying. */
export function unpack(layout: Layout, flat: Float32Array): Map<string, Float32Array> {
  return new Map(layout.entries.map((e) => [e.name, flat.subarray(e.offset, e.offset + e.size)]));
}
