/** Types and shapes of every value that follow from the graph's inputs. */
import { functionKey } from '../check/nodes.js';
import type { Dim, Graph, Model, ValueInfo, ValueType } from '../ir.js';
import { int64, type Tensor } from '../tensor.js';
import { bindType, mergeTypes } from './declared.js';
import { inferGraph, newMeter, type InferOptions } from './engine.js';
import type { Fact } from './facts.js';

export { type InferOptions } from './engine.js';
export { type InferredOperator } from './table.js';

function factsOf(model: Model, options: InferOptions): ReadonlyMap<string, Fact> {
  const { graph, opsets } = model;
  const functions = new Map(model.functions.map((f) => [functionKey(f.domain, f.name, f.overload), f]));
  const around = { outer: new Map(), path: '', calls: [], following: false, assuming: false };
  return inferGraph(graph, { opsets, functions, options, meter: newMeter(), ...around }, null);
}

/**
 * A copy of the model whose `graph.values` and `graph.outputs` carry every type and shape that follows from its
 * inputs and initializers, symbolic sizes included, through the branches of If, the bodies of Loop, Scan and
 * SequenceMap and model-local functions. Operators without a row keep what the file declares. An initializer that is a
 * graph input too counts with its stored value, unless `known` gives another. Nodes must be in topological order.
 * @throws OnnxError `shape` when an operator's inputs or the declared types contradict each other, `attribute` when an
 * attribute that decides a shape is missing or of another kind, `illegal-model` for a function that calls itself,
 * `too-large` when bodies inside bodies amount to more than half a million nodes, `too-deep` when functions call each
 * other more than 100 deep
 */
export function inferShapes(model: Model, options: InferOptions = {}): Model {
  const { graph } = model;
  const { fresh = false, dims = {} } = options;
  const facts = factsOf(model, options);
  const outputs = graph.outputs.map((info): ValueInfo => {
    const found = facts.get(info.name)?.type ?? null;
    const declared = bindType(info.type, dims);
    const where = `output ${JSON.stringify(info.name)} of the graph`;
    return { ...info, type: fresh ? (found ?? info.type) : mergeTypes(where, declared, found, 'declared') };
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

/**
 * The whole numbers that nodes work out from sizes alone, by value: what Shape, Gather, Concat and the like give where the
 * sizes are known. Tensors of up to 1,024 int32 or int64 elements.
 * @throws OnnxError as `inferShapes`
 */
export function knownIntegers(model: Model, options: InferOptions = {}): Map<string, Tensor> {
  const facts = factsOf(model, options);
  const found = new Map<string, Tensor>();
  for (const name of model.graph.nodes.flatMap((node) => node.outputs)) {
    const fact = facts.get(name);
    const type = fact?.type;
    if (type?.kind !== 'tensor' || !type.shape?.every(isNumber) || !fact?.elements?.every(isExact)) continue;
    if (type.dtype === 'int64') found.set(name, int64(type.shape, fact.elements));
    if (type.dtype === 'int32')
      found.set(name, { dtype: 'int32', dims: type.shape, data: Int32Array.from(fact.elements) });
  }
  return found;
}

const isNumber = (d: Dim): d is number => typeof d === 'number';
/** Beyond 2^53 a number does not tell which integer it was. */
const isExact = (d: Dim): d is number => Number.isSafeInteger(d);

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
