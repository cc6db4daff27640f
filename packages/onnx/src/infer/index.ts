/** Types and shapes of every value that follow from the graph's inputs. */
import { isDefaultDomain, opsetVersion } from '../builder.js';
import { OnnxError } from '../errors.js';
import type { Dim, Graph, Model, Node, ValueInfo, ValueType } from '../ir.js';
import type { Tensor } from '../tensor.js';
import { elementsOfTensor, inferElements } from './elements.js';
import { mergeDim, NodeFacts, shapeText, type Fact, type Inferred } from './facts.js';
import { rowOf } from './table.js';

export { type InferredOperator } from './table.js';

export interface InferOptions {
  /** Forget the stored types of intermediate values and the stored shapes of outputs, as after a change of sizes. */
  fresh?: boolean;
  /** Sizes of symbolic dimensions, say { batch: 1 }. */
  dims?: Readonly<Record<string, number>>;
  /** Values of graph inputs that shapes depend on. */
  known?: ReadonlyMap<string, Tensor>;
}

/** Facts of the graphs around a subgraph. */
interface Facts {
  get(name: string): Fact | undefined;
}

function constantFact(tensor: Tensor): Fact {
  const type: ValueType = { kind: 'tensor', dtype: tensor.dtype, shape: tensor.dims };
  return { type, elements: elementsOfTensor(tensor), tensor };
}

function typeFact(type: ValueType | null): Fact {
  return { type, elements: null, tensor: null };
}

function bindType(type: ValueType | null, dims: Readonly<Record<string, number>>): ValueType | null {
  if (type?.kind !== 'tensor' || !type.shape) return type;
  const bind = (d: Dim): Dim => (typeof d === 'string' && Object.hasOwn(dims, d) ? dims[d]! : d);
  return { ...type, shape: type.shape.map(bind) };
}

/** Joins what is declared with what was inferred; numbers win over symbols, contradictions are errors. */
function merge(name: string, declared: ValueType | null, inferred: Inferred): ValueType | null {
  if (!inferred) return declared;
  if (!declared || declared.kind === 'unspecified') return inferred;
  if (declared.kind !== 'tensor' || inferred.kind !== 'tensor') {
    if (declared.kind !== inferred.kind) {
      throw new OnnxError('shape', `${JSON.stringify(name)} is declared a ${declared.kind}, but is a ${inferred.kind}`);
    }
    return declared;
  }
  if (declared.dtype && inferred.dtype && declared.dtype !== inferred.dtype) {
    throw new OnnxError('shape', `${JSON.stringify(name)} is declared ${declared.dtype}, but is ${inferred.dtype}`);
  }
  const dtype = declared.dtype ?? inferred.dtype;
  const [a, b] = [declared.shape, inferred.shape];
  if (!a || !b) return { ...declared, dtype, shape: a ?? b };
  const shape = a.map((d, i) => (a.length === b.length ? mergeDim(d, b[i]!) : null));
  if (a.length !== b.length || shape.includes(null)) {
    throw new OnnxError('shape', `${JSON.stringify(name)} is declared ${shapeText(a)}, but is ${shapeText(b)}`);
  }
  return { ...declared, dtype, shape: shape.map((s) => s!.dim) };
}

interface Scope {
  readonly opset: number;
  readonly options: InferOptions;
  readonly outer: Facts;
}

function factOf(node: Node, facts: Facts, scope: Scope): (Fact | null)[] {
  return node.inputs.map((name) => (name === '' ? null : (facts.get(name) ?? scope.outer.get(name) ?? null)));
}

function inferNode(
  node: Node,
  facts: Map<string, Fact>,
  declared: ReadonlyMap<string, ValueType | null>,
  scope: Scope,
): void {
  const row = isDefaultDomain(node.domain) ? rowOf(node.op) : null;
  const around: Facts = { get: (name) => facts.get(name) ?? scope.outer.get(name) };
  const subgraph = (name: string): readonly Inferred[] => {
    const attribute = node.attributes.get(name);
    if (attribute?.kind !== 'graph') return [];
    const { outputs } = attribute.value;
    try {
      const inner = inferGraph(attribute.value, { ...scope, outer: around });
      return outputs.map((o) => inner.get(o.name)?.type ?? o.type);
    } catch (error) {
      // A branch may contradict sizes for which it is never taken.
      if (error instanceof OnnxError && error.code === 'shape') return outputs.map((o) => o.type);
      throw error;
    }
  };
  const nodeFacts = new NodeFacts(node, scope.opset, factOf(node, facts, scope), subgraph);
  const types = row?.(nodeFacts) ?? [];
  for (const type of types) if (type?.kind === 'tensor') checkSizes(type.shape, nodeFacts);
  const elements = row && node.outputs.length === 1 ? inferElements(nodeFacts) : null;
  const tensor = node.op === 'Constant' && row ? constantTensor(node) : null;
  node.outputs.forEach((name, i) => {
    if (name === '') return;
    const type = bindType(merge(name, declared.get(name) ?? null, types[i] ?? null), scope.options.dims ?? {});
    if (tensor) facts.set(name, { ...constantFact(tensor), type });
    else facts.set(name, { type, elements, tensor: null });
  });
}

function checkSizes(shape: readonly Dim[] | null, facts: NodeFacts): void {
  const bad = shape?.find((d) => typeof d === 'number' && !(Number.isSafeInteger(d) && d >= 0));
  if (bad !== undefined) facts.fail(`a dimension of the result would be ${bad}`);
}

/** The value of a Constant node that is stored as a tensor or as plain numbers. */
function constantTensor(node: Node): Tensor | null {
  for (const a of node.attributes.values()) {
    if (a.kind === 'tensor' && !('external' in a.value.value)) return a.value.value;
    if (a.kind === 'int') return { dtype: 'int64', dims: [], data: BigInt64Array.of(a.value) };
    if (a.kind === 'ints') return { dtype: 'int64', dims: [a.value.length], data: BigInt64Array.from(a.value) };
    if (a.kind === 'float') return { dtype: 'float32', dims: [], data: Float32Array.of(a.value) };
    if (a.kind === 'floats') return { dtype: 'float32', dims: [a.value.length], data: Float32Array.from(a.value) };
  }
  return null;
}

function inferGraph(graph: Graph, scope: Scope): Map<string, Fact> {
  const { known, dims = {}, fresh } = scope.options;
  const facts = new Map<string, Fact>();
  for (const { name, type } of graph.inputs) facts.set(name, typeFact(bindType(type, dims)));
  for (const [name, { value }] of graph.initializers) {
    if ('external' in value) facts.set(name, typeFact({ kind: 'tensor', dtype: value.dtype, shape: value.dims }));
    else facts.set(name, constantFact(value));
  }
  for (const { values, dims: shape } of graph.sparseInitializers) {
    facts.set(values.name, typeFact({ kind: 'tensor', dtype: values.value.dtype, shape }));
  }
  for (const [name, tensor] of known ?? []) if (facts.has(name)) facts.set(name, constantFact(tensor));
  const declared = new Map<string, ValueType | null>();
  if (!fresh)
    for (const list of [graph.values.values(), graph.outputs]) for (const v of list) declared.set(v.name, v.type);
  for (const node of graph.nodes) inferNode(node, facts, declared, scope);
  return facts;
}

/**
 * A copy of the model whose `graph.values` and `graph.outputs` carry every type and shape that follows from its
 * inputs and initializers, symbolic sizes included. Operators without a row keep what the file declares. Nodes must
 * be in topological order.
 * @throws OnnxError `shape` when an operator's inputs or the declared types contradict each other
 */
export function inferShapes(model: Model, options: InferOptions = {}): Model {
  const { graph } = model;
  const { fresh = false, dims = {} } = options;
  const facts = inferGraph(graph, { opset: opsetVersion(model) ?? 1, options, outer: new Map() });
  const outputs = graph.outputs.map((info): ValueInfo => {
    const found = facts.get(info.name)?.type ?? null;
    return { ...info, type: fresh ? (found ?? info.type) : merge(info.name, bindType(info.type, dims), found) };
  });
  const outputNames = new Set(outputs.map((o) => o.name));
  const values = new Map<string, ValueInfo>();
  for (const node of graph.nodes) {
    for (const name of node.outputs) {
      const type = facts.get(name)?.type;
      const old = graph.values.get(name);
      if (name !== '' && !outputNames.has(name) && type) values.set(name, old ? { ...old, type } : { name, type });
    }
  }
  const inputs = graph.inputs.map((info) => ({ ...info, type: bindType(info.type, dims) }));
  return { ...model, graph: { ...graph, inputs, outputs, values } };
}

/** The types of all values of a graph by name: inputs, initializers, intermediate values and outputs. */
export function valueTypes(graph: Graph): Map<string, ValueType> {
  const types = new Map<string, ValueType>();
  for (const list of [graph.inputs, graph.values.values(), graph.outputs]) {
    for (const { name, type } of list) if (type) types.set(name, type);
  }
  for (const [name, { value }] of graph.initializers) {
    types.set(name, { kind: 'tensor', dtype: value.dtype, shape: value.dims });
  }
  return types;
}
