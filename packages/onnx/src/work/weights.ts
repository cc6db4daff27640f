/** Parameters and bytes of the weights of a model, by the node that is the first to read them. */
import { attrFloats, attrInt, attrStrings } from '../attributes.js';
import { isDefaultDomain, subgraphs } from '../builder.js';
import { functionKey } from '../check/nodes.js';
import type { FunctionBody, Graph, Model, Node, SparseTensor, StoredTensor } from '../ir.js';
import { elementCount } from '../tensor.js';
import { storedBytes } from './bytes.js';

export interface Weight {
  /** Elements that count as parameters. */
  readonly parameters: number;
  readonly bytes: number;
}

const NONE: Weight = { parameters: 0, bytes: 0 };
const plus = (a: Weight, b: Weight): Weight => ({ parameters: a.parameters + b.parameters, bytes: a.bytes + b.bytes });

/** A stored tensor, and whether a node has read it. */
interface Stored {
  readonly value: StoredTensor | SparseTensor | readonly number[];
  read: boolean;
}
type Lookup = (name: string) => Stored | undefined;

/** Inputs that say how others are quantised, which are no parameters of the network: by operator, from 0. */
const SCALES: Readonly<Record<string, readonly number[]>> = {
  QuantizeLinear: [1, 2],
  DequantizeLinear: [1, 2],
  QLinearConv: [1, 2, 4, 5, 6, 7],
  QLinearMatMul: [1, 2, 4, 5, 6, 7],
  ConvInteger: [2, 3],
  MatMulInteger: [2, 3],
  'com.microsoft.QuantizeLinear': [1, 2],
  'com.microsoft.DequantizeLinear': [1, 2],
  'com.microsoft.QLinearConv': [1, 2, 4, 5, 6, 7],
  'com.microsoft.QGemm': [1, 2, 4, 5, 7, 8],
  'com.microsoft.QAttention': [3, 4, 6, 7],
  'com.microsoft.DynamicQuantizeMatMul': [2, 3],
  'com.microsoft.MatMulIntegerToFloat': [2, 3, 4, 5],
  'com.microsoft.DynamicQuantizeLSTM': [8, 9, 10, 11],
  'com.microsoft.MatMulNBits': [2, 3, 4],
  'com.microsoft.MatMulBnb4': [2],
  'com.microsoft.GatherBlockQuantized': [2, 3],
};

/** Elements of a weight that is stored as bytes of several elements each. */
function packedElements(node: Node, i: number, { value }: StoredTensor): number | null {
  if (node.domain !== 'com.microsoft') return null;
  if ((node.op === 'MatMulNBits' || node.op === 'MatMulBnb4') && i === 1) {
    return attrInt(node, 'K') * attrInt(node, 'N');
  }
  if (node.op === 'GatherBlockQuantized' && i === 0 && value.dtype === 'uint8') {
    return elementCount(value.dims) * (8 / attrInt(node, 'bits', 4));
  }
  return null;
}

const isNumbers = (value: Stored['value']): value is readonly number[] => Array.isArray(value);

/** Scalars are settings, and int64, bool and string tensors shapes, indices and the like. */
function countOf(value: Stored['value']): number {
  if (isNumbers(value)) return value.length;
  if ('indices' in value) return elementCount(value.values.value.dims);
  const { dtype, dims } = value.value;
  return ['int64', 'bool', 'string'].includes(dtype) || dims.length === 0 ? 0 : elementCount(dims);
}

function bytesOf(value: Stored['value']): number {
  if (isNumbers(value)) return 4 * value.length;
  return 'indices' in value ? storedBytes(value.values) + storedBytes(value.indices) : storedBytes(value);
}

/** What the first reader of a weight makes of it. */
function weightOf(node: Node, i: number, value: Stored['value']): Weight {
  const key = isDefaultDomain(node.domain) ? node.op : `${node.domain}.${node.op}`;
  const scale = Object.hasOwn(SCALES, key) && SCALES[key]!.includes(i);
  const packed = isNumbers(value) || 'indices' in value ? null : packedElements(node, i, value);
  return { parameters: scale ? 0 : (packed ?? countOf(value)), bytes: bytesOf(value) };
}

const ML_FLOATS = [
  'coefficients intercepts support_vectors rho prob_a prob_b scale offset imputed_value_floats',
  'base_values class_weights target_weights',
].flatMap((words) => words.split(' '));
const ML_TENSORS = ['base_values_as_tensor', 'class_weights_as_tensor', 'target_weights_as_tensor', 'leaf_weights'];

/** What operators of ai.onnx.ml keep in attributes: coefficients, support vectors, thresholds and leaves of trees. */
function attributeWeight(node: Node): Weight {
  if (node.domain !== 'ai.onnx.ml') return NONE;
  let found = NONE;
  const add = (parameters: number, bytes: number): void => void (found = plus(found, { parameters, bytes }));
  for (const name of ML_FLOATS) {
    const { length } = attrFloats(node, name, []);
    add(length, 4 * length);
  }
  for (const name of [...ML_TENSORS, 'nodes_splits', 'nodes_values_as_tensor']) {
    const attribute = node.attributes.get(name);
    if (attribute?.kind !== 'tensor') continue;
    const elements = elementCount(attribute.value.value.dims);
    add(name === 'nodes_values_as_tensor' ? thresholds(node, elements) : elements, storedBytes(attribute.value));
  }
  const values = attrFloats(node, 'nodes_values', []).length;
  add(thresholds(node, values), 4 * values);
  return found;
}

/** Leaves have a value too, which nothing is compared with. */
function thresholds(node: Node, values: number): number {
  const modes = attrStrings(node, 'nodes_modes', []);
  return values === 0 ? 0 : values - modes.filter((mode) => mode === 'LEAF').length;
}

/** The value of a Constant node, a scalar left out. */
function constantOf(node: Node): Stored['value'] | null {
  for (const name of ['value', 'sparse_value', 'value_floats']) {
    const attribute = node.attributes.get(name);
    if (attribute?.kind === 'tensor' || attribute?.kind === 'sparse' || attribute?.kind === 'floats') {
      return attribute.value;
    }
  }
  return null;
}

/** Tensors that a graph or a function stores, by name: initializers and the values of Constant nodes. */
function storedIn(nodes: readonly Node[], graph?: Graph): Map<string, Stored> {
  const stored = new Map<string, Stored>();
  for (const [name, value] of graph?.initializers ?? []) stored.set(name, { value, read: false });
  for (const value of graph?.sparseInitializers ?? []) stored.set(value.values.name, { value, read: false });
  for (const node of nodes) {
    const value = isDefaultDomain(node.domain) && node.op === 'Constant' ? constantOf(node) : null;
    if (value) stored.set(node.outputs[0]!, { value, read: false });
  }
  return stored;
}

/** Names of the tensors of a graph that need no memory of their own: they are stored. */
export const storedNames = (graph: Graph): ReadonlySet<string> => new Set(storedIn(graph.nodes, graph).keys());

/** The weights of a model: those of each node of its graph, what its branches, bodies and functions store among them. */
export class Weights {
  readonly total: Weight;
  readonly #byNode = new Map<Node, Weight>();
  readonly #functions: ReadonlyMap<string, FunctionBody>;
  readonly #seen = new Set<FunctionBody>();

  constructor({ graph, functions }: Model) {
    this.#functions = new Map(functions.map((f) => [functionKey(f.domain, f.name, f.overload), f]));
    const all = this.#weigh(graph.nodes, storedIn(graph.nodes, graph), () => undefined, this.#byNode);
    this.total = functions.filter((f) => !this.#seen.has(f)).reduce((sum, f) => plus(sum, this.#function(f)), all);
  }

  of(node: Node): Weight {
    return this.#byNode.get(node) ?? NONE;
  }

  #weigh(nodes: readonly Node[], own: Map<string, Stored>, outer: Lookup, into?: Map<Node, Weight>): Weight {
    const lookup: Lookup = (name) => own.get(name) ?? outer(name);
    let sum = NONE;
    for (const node of nodes) {
      const weight = this.#node(node, lookup);
      into?.set(node, weight);
      sum = plus(sum, weight);
    }
    // What nothing reads is in the file all the same.
    for (const stored of own.values()) {
      if (!stored.read) sum = plus(sum, { parameters: countOf(stored.value), bytes: bytesOf(stored.value) });
      stored.read = true;
    }
    return sum;
  }

  #node(node: Node, lookup: Lookup): Weight {
    let sum = attributeWeight(node);
    node.inputs.forEach((name, i) => {
      const stored = name === '' ? undefined : lookup(name);
      if (!stored || stored.read) return;
      stored.read = true;
      sum = plus(sum, weightOf(node, i, stored.value));
    });
    for (const graph of subgraphs(node))
      sum = plus(sum, this.#weigh(graph.nodes, storedIn(graph.nodes, graph), lookup));
    const called = this.#functions.get(functionKey(node.domain, node.op, node.overload));
    return called && !this.#seen.has(called) ? plus(sum, this.#function(called)) : sum;
  }

  /** Stored once, however often it is called. */
  #function(body: FunctionBody): Weight {
    this.#seen.add(body);
    return this.#weigh(body.nodes, storedIn(body.nodes), () => undefined);
  }
}
