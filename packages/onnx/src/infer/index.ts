/** Types and shapes of every value that follow from the graph's inputs. */
import { functionKey, nodeLabel } from '../check/nodes.js';
import type { OnnxError } from '../errors.js';
import type { Dim, Graph, Model, Node, ValueInfo, ValueType } from '../ir.js';
import { float32, int64, type Tensor } from '../tensor.js';
import { Claims, type Claim } from './claims.js';
import { bindType, reconcile } from './declared.js';
import { inferGraph, newMeter, type InferOptions } from './engine.js';
import type { Fact } from './facts.js';
import { prove, withNames, type Proofs } from './proofs.js';
import type { Inferred } from './types.js';

export { type Claim } from './claims.js';
export { type InferOptions } from './engine.js';
export { provenTypes, type ProofOptions } from './proofs.js';
export { type InferredOperator } from './table.js';

/** Facts with claims among them: what is declared completes what follows, and gives way where the two contradict. */
function likelyFacts(model: Model, options: InferOptions): ReadonlyMap<string, Fact> {
  const { graph, opsets } = model;
  const functions = new Map(model.functions.map((f) => [functionKey(f.domain, f.name, f.overload), f]));
  const around = { outer: new Map(), path: '', calls: [], following: false, assuming: false };
  const likely = { proving: null, unnamed: null, overridable: false };
  return inferGraph(graph, { opsets, functions, options, meter: newMeter(), ...around, ...likely }, null);
}

/** What is proven, completed by what is likely. Open sizes of inputs keep the names that the file gives them. */
function completed(proven: Inferred, likely: Inferred, proofs: Proofs): Inferred {
  const { symbols, unnamed } = proofs;
  if (!proven) return likely;
  const named = withNames(proven, proofs);
  if (!likely || (proven.kind !== 'tensor' && proven.kind !== 'sparse') || likely.kind !== proven.kind) {
    return likely?.kind === proven.kind ? likely : named;
  }
  const dtype = proven.dtype ?? likely.dtype;
  const [known, said] = [proven.shape, likely.shape];
  if (!known) return { ...likely, dtype };
  const shape = known.map((d, i): Dim => {
    if (typeof d === 'number') return d;
    const claim = said?.length === known.length ? said[i]! : null;
    // A number that is claimed for a size that an input leaves open holds at that size alone.
    const open = d !== null && symbols.has(d);
    if (open) return typeof claim === 'string' ? claim : symbols.get(d)!;
    return claim ?? (d !== null && unnamed.has(d) ? null : d);
  });
  return { ...likely, dtype, shape };
}

const noted =
  (failed: Set<Node>, tell: (node: Node, error: OnnxError) => void) =>
  (node: Node, error: OnnxError): void => {
    failed.add(node);
    tell(node, error);
  };

export interface Inference {
  /** As `inferShapes` gives it. */
  readonly model: Model;
  /** What the file declares and the proofs do not bear out. */
  readonly claims: readonly Claim[];
}

/**
 * `inferShapes`, with the declarations that were found not to hold.
 * @throws OnnxError as `inferShapes`
 */
export function inferTypes(model: Model, options: InferOptions = {}): Inference {
  const { graph } = model;
  const { fresh = false, dims = {} } = options;
  const failed = new Set<Node>();
  const { onFailure } = options;
  const prover = { ...options, ...(onFailure && { onFailure: noted(failed, onFailure) }) };
  const proofs: Proofs = fresh
    ? { facts: new Map(), symbols: new Map(), unnamed: new Set(), claims: [] }
    : prove(model, prover);
  const conflicts = new Claims(new Map(), new Set());
  // Where the proofs do not contradict each other, it is declarations that do not fit.
  const conflict = (node: Node, error: OnnxError): void => {
    if (!failed.has(node)) conflicts.addConflict(nodeLabel(node), error.message);
  };
  const likely = likelyFacts(model, fresh ? options : { ...options, onFailure: conflict });
  const claims = [...proofs.claims, ...conflicts.list];
  const typeOf = (name: string): Inferred =>
    completed(proofs.facts.get(name)?.type ?? null, likely.get(name)?.type ?? null, proofs);
  const outputs = graph.outputs.map((info): ValueInfo => {
    const found = typeOf(info.name);
    return { ...info, type: fresh ? (found ?? info.type) : joined(bindType(info.type, dims), found) };
  });
  const outputNames = new Set(outputs.map((o) => o.name));
  const values = new Map<string, ValueInfo>();
  for (const node of graph.nodes) {
    for (const name of node.outputs) {
      const type = typeOf(name);
      const old = graph.values.get(name);
      if (name !== '' && !outputNames.has(name) && type) values.set(name, old ? { ...old, type } : { name, type });
    }
  }
  const inputs = graph.inputs.map((info) => ({ ...info, type: bindType(info.type, dims) }));
  return { model: { ...model, graph: { ...graph, inputs, outputs, values } }, claims };
}

/** The type of an output as it was found; the symbols that the file declares stay. */
function joined(declared: Inferred, found: Inferred): Inferred {
  if (!found) return declared;
  if (found.kind !== declared?.kind) return found;
  if (found.kind !== 'tensor' || declared.kind !== 'tensor') return reconcile(declared, found);
  const said = declared.shape;
  const same = said?.length === found.shape?.length;
  const shape = found.shape
    ? found.shape.map((d, i) => (same && typeof said?.[i] === 'string' && typeof d !== 'number' ? said[i] : d))
    : said;
  return { ...declared, dtype: found.dtype ?? declared.dtype, shape };
}

/**
 * A copy of the model whose `graph.values` and `graph.outputs` carry every type and shape that follows from its
 * inputs and initializers, symbolic sizes included, through the branches of If, the bodies of Loop, Scan and
 * SequenceMap and model-local functions, completed by what the file declares. A declaration that contradicts what follows
 * is left out (`inferTypes` says which); one that nothing is known of stays, as for operators without a row. An
 * initializer that is a graph input too counts with its stored value, unless `known` gives another. Nodes must be in
 * topological order. What may be rewritten because of a type is decided by `provenTypes` alone.
 * @throws OnnxError `shape` when the inputs of an operator contradict each other, `attribute` when an
 * attribute that decides a shape is missing or of another kind, `illegal-model` for a function that calls itself,
 * `too-large` when bodies inside bodies amount to more than half a million nodes, `too-deep` when functions call each
 * other more than 100 deep
 */
export function inferShapes(model: Model, options: InferOptions = {}): Model {
  return inferTypes(model, options).model;
}

/**
 * The whole numbers that nodes work out from sizes alone, by value: what Shape, Gather, Concat and the like give where the
 * sizes are known. Tensors of up to 1,024 int32 or int64 elements. Sizes that are only declared do not count.
 * @throws OnnxError as `inferShapes`
 */
export function knownIntegers(model: Model, options: InferOptions = {}): Map<string, Tensor> {
  const { facts } = prove(model, options);
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

/**
 * The truth values that are known before a run, by value: conditions of If that follow from constants and sizes. Sizes that are
 * only declared do not count.
 * @throws OnnxError as `inferShapes`
 */
export function knownConditions(model: Model): Map<string, boolean> {
  const found = new Map<string, boolean>();
  for (const [name, { type, elements }] of prove(model, {}).facts)
    if (type?.kind === 'tensor' && type.dtype === 'bool' && elements?.length === 1 && typeof elements[0] === 'number')
      found.set(name, elements[0] !== 0);
  return found;
}

/**
 * The numbers of those of the named values that nodes work out from constants and sizes, say of the scales of a Resize: float32
 * of up to 1,024 elements. Sizes that are only declared do not count.
 * @throws OnnxError as `inferShapes`
 */
export function knownFloats(model: Model, names: Iterable<string>, options: InferOptions = {}): Map<string, Tensor> {
  const { facts } = prove(model, options);
  const found = new Map<string, Tensor>();
  for (const name of names) {
    const fact = facts.get(name);
    const type = fact?.type;
    if (
      type?.kind === 'tensor' &&
      type.dtype === 'float32' &&
      type.shape?.every(isNumber) &&
      fact?.elements?.every(isNumber)
    )
      found.set(name, float32(type.shape, fact.elements));
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
