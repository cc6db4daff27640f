/** Facts of every value of a graph, node by node. */
import { isDefaultDomain, opsetVersion } from '../builder.js';
import { functionKey } from '../check/nodes.js';
import { OnnxError } from '../errors.js';
import type { Dim, FunctionBody, Graph, Node, ValueType } from '../ir.js';
import type { Tensor } from '../tensor.js';
import type { Claims } from './claims.js';
import { adoptType, bindType, mapDims, reconcile, withElementTypes } from './declared.js';
import { inferElements } from './elements.js';
import { MOST_RANK } from './dims.js';
import { asFact, NodeFacts, typeFact, type Fact, type Row, type Subgraph } from './facts.js';
import { bindAttributes } from './functions.js';
import { elementsOfTensor } from './numbers.js';
import { rowOf } from './table.js';
import type { Inferred } from './types.js';
import { Watch } from './watch.js';

export interface InferOptions {
  /** Forget the stored types of intermediate values and the stored shapes of outputs, as after a change of sizes. */
  fresh?: boolean;
  /** Sizes of symbolic dimensions, say { batch: 1 }. */
  dims?: Readonly<Record<string, number>>;
  /** Values of graph inputs that shapes depend on. */
  known?: ReadonlyMap<string, Tensor>;
  /** Takes note of what is inside of nodes. */
  watch?: Watch;
  /** Told of a node of the graph that contradicts what is known, whose results then are unknown; else that is thrown. */
  onFailure?: (node: Node, error: OnnxError) => void;
}

/** Facts by name, as the graphs inside a graph see them. */
export interface Facts {
  get(name: string): Fact | undefined;
}

/** Facts that are being found. */
interface Store extends Facts {
  set(name: string, fact: Fact): unknown;
}

/** Facts on top of others, which stay as they are. */
function onTop(below: Facts): Store {
  const own = new Map<string, Fact>();
  return { get: (name) => own.get(name) ?? below.get(name), set: (name, fact) => own.set(name, fact) };
}

/** Bounds, so that bodies inside bodies cannot take for ever. */
export interface Meter {
  /** Nodes that may still be looked at. */
  left: number;
  /** Nodes that may still be looked at to find out which branch of an If is possible. */
  assumed: number;
}

/** Where nodes are: in the graph of the model, in a graph of a node, or in the body of a function. */
export interface Scope {
  readonly opsets: ReadonlyMap<string, number>;
  readonly functions: ReadonlyMap<string, FunctionBody>;
  readonly options: InferOptions;
  /** Facts of the graphs around this one. */
  readonly outer: Facts;
  /** Tells symbols that are made here from those made elsewhere. */
  readonly path: string;
  /** The functions whose bodies are around. */
  readonly calls: readonly string[];
  /** Whether the trips of a loop around are followed one by one. */
  readonly following: boolean;
  /** Whether one branch of an If before is only assumed. */
  readonly assuming: boolean;
  /**
   * Where only proofs count, what takes note of claims that contradict them; null where claims count too. A proof follows
   * from the inputs and what is stored; element types alone are taken from claims, since executors check those when they load.
   */
  readonly proving: Claims | null;
  /**
   * Takes the symbols that proofs give to sizes that do not follow from anything, so that values of one such size are known to
   * be of one size; null where claims count too.
   */
  readonly unnamed: Set<string> | null;
  /** Whether an initializer that is an input too is only a default, as it is since IR version 4. */
  readonly overridable: boolean;
  readonly meter: Meter;
}

/** Nodes that one inference looks at, bodies of loops counted for every trip that is followed. */
export const MOST_NODES = 500_000;
const MOST_ASSUMED = 100_000;
/** Calls of functions inside functions. */
const MOST_CALLS = 100;

export function newMeter(): Meter {
  return { left: MOST_NODES, assumed: MOST_ASSUMED };
}

function constantFact(tensor: Tensor): Fact {
  return typeFact({ kind: 'tensor', dtype: tensor.dtype, shape: tensor.dims }, { elements: elementsOfTensor(tensor) });
}

type Declared = ReadonlyMap<string, ValueType | null>;

function spend({ meter }: Scope): void {
  if (--meter.left < 0) throw new OnnxError('too-large', `inference would look at more than ${MOST_NODES} nodes`);
}

/** Nodes in order, each of which runs. */
function inferNodes(nodes: readonly Node[], facts: Store, declared: Declared, scope: Scope): void {
  nodes.forEach((node, i) => {
    const branches = inferOrReport(node, facts, declared, scope);
    if (scope.assuming || !branches.some((outputs) => differsInRank(node, outputs, facts))) return;
    // What one branch gives may contradict a later node: then the other one is taken.
    const possible = branches.filter((outputs) => {
      const trial = onTop(facts);
      return isPossible(scope, (assuming) => {
        store(node, outputs, trial, declared, assuming);
        inferNodes(nodes.slice(i + 1), trial, declared, assuming);
      });
    });
    if (possible.length === 1) store(node, possible[0]!, facts, declared, scope);
  });
}

/** A fault of one node, not one that is made to take for ever. */
export const isContradiction = (error: unknown): error is OnnxError =>
  error instanceof OnnxError && (error.code === 'shape' || error.code === 'attribute');

/** A node of the graph itself that cannot be followed need not stop those beside it. */
function inferOrReport(node: Node, facts: Store, declared: Declared, scope: Scope): ReturnType<typeof inferNode> {
  const { onFailure } = scope.options;
  if (!onFailure || scope.path !== '' || scope.assuming) return inferNode(node, facts, declared, scope);
  try {
    return inferNode(node, facts, declared, scope);
  } catch (error) {
    if (!isContradiction(error)) throw error;
    onFailure(node, error);
    store(node, [], facts, declared, scope);
    return [];
  }
}

/** Whether nothing contradicts an assumption, as far as the meter lets us look. */
function isPossible(scope: Scope, look: (assuming: Scope) => void): boolean {
  const meter: Meter = { left: scope.meter.assumed, assumed: 0 };
  try {
    if (meter.left > 0) look({ ...scope, meter, assuming: true });
    return true;
  } catch (error) {
    if (error instanceof OnnxError && (error.code === 'shape' || error.code === 'too-large')) {
      return error.code === 'too-large';
    }
    throw error;
  } finally {
    scope.meter.assumed = Math.max(0, meter.left);
  }
}

function differsInRank(node: Node, outputs: readonly Fact[], facts: Facts): boolean {
  return node.outputs.some((name, i) => {
    const [stored, branch] = [facts.get(name)?.type, outputs[i]?.type];
    return stored?.kind === 'tensor' && !stored.shape && branch?.kind === 'tensor' && branch.shape !== null;
  });
}

/** A symbol for each size of a value that nothing says: inside of nodes, which may run more than once, there is none. */
function withSymbols(name: string, type: Inferred, scope: Scope): Inferred {
  if (!scope.unnamed || scope.path !== '' || scope.assuming || type?.kind !== 'tensor' || !type.shape) return type;
  if (type.shape.length > MOST_RANK || !type.shape.includes(null)) return type;
  const shape = type.shape.map((d, axis) => {
    if (d !== null) return d;
    const symbol = `${name}[${axis}]`;
    scope.unnamed!.add(symbol);
    return symbol;
  });
  return { ...type, shape };
}

function store(node: Node, outputs: readonly Fact[], facts: Store, declared: Declared, scope: Scope): void {
  node.outputs.forEach((name, i) => {
    if (name === '') return;
    const fact = outputs[i] ?? typeFact(null);
    const claim = declared.get(name) ?? null;
    if (scope.proving) {
      if (!scope.assuming) scope.proving.compare(`${scope.path}${name}`, node, claim, fact.type);
      facts.set(name, { ...fact, type: withSymbols(name, withElementTypes(fact.type, claim), scope) });
    } else {
      const type = reconcile(claim, fact.type);
      facts.set(name, { ...fact, type: bindType(type, scope.options.dims ?? {}) });
    }
  });
}

/** Stores facts of the outputs of a node; gives the outcomes of the branches of an If that is not decided. */
function inferNode(node: Node, facts: Store, declared: Declared, scope: Scope): readonly (readonly Fact[])[] {
  spend(scope);
  const around: Facts = { get: (name) => facts.get(name) ?? scope.outer.get(name) };
  const inputs = node.inputs.map((name) => (name === '' ? null : (around.get(name) ?? null)));
  const called = callFunction(node, inputs, scope);
  const row = called ? null : rowOf(node.op, node.domain);
  const nodeFacts = row && factsOf(node, inputs, around, scope);
  store(node, called ?? (nodeFacts ? applyRow(row!, nodeFacts) : []), facts, declared, scope);
  if (nodeFacts && nodeFacts.trips !== undefined) watchOf(scope)?.sawTrips(nodeFacts.path, nodeFacts.trips);
  return nodeFacts?.branches ?? [];
}

/** What is only assumed is not taken note of. */
const watchOf = (scope: Scope): Watch | undefined => (scope.assuming ? undefined : scope.options.watch);

/** What the row of a node sees. */
function factsOf(node: Node, inputs: readonly (Fact | null)[], around: Facts, scope: Scope): NodeFacts {
  const path = Watch.pathOf(scope.path, node);
  const subgraph: Subgraph = (name, passed, follows = false) => {
    const attribute = node.attributes.get(name);
    if (attribute?.kind !== 'graph') return [];
    const following = scope.following || follows;
    const inner = inferGraph(attribute.value, { ...scope, outer: around, path: `${path}/`, following }, passed ?? null);
    watchOf(scope)?.sawInside(path, name, attribute.value.nodes, inner);
    return attribute.value.outputs.map((o) => {
      const fact = inner.get(o.name) ?? around.get(o.name) ?? typeFact(null);
      const claim = bindType(o.type, scope.options.dims ?? {});
      return { ...fact, type: scope.proving ? withElementTypes(fact.type, claim) : (fact.type ?? claim) };
    });
  };
  const opset = opsetVersion(scope, node.domain) ?? 1;
  return new NodeFacts(node, opset, inputs, subgraph, path, !scope.following);
}

function applyRow(row: Row, nodeFacts: NodeFacts): readonly Fact[] {
  const outputs = row(nodeFacts).map(asFact);
  for (const { type } of outputs) if (type?.kind === 'tensor') checkSizes(type.shape, nodeFacts);
  const elements = isDefaultDomain(nodeFacts.node.domain) ? inferElements(nodeFacts) : null;
  return elements ? outputs.map((fact, i) => (elements[i] ? { ...fact, elements: elements[i] } : fact)) : outputs;
}

function checkSizes(shape: readonly Dim[] | null, facts: NodeFacts): void {
  const bad = shape?.find((d) => typeof d === 'number' && !(Number.isSafeInteger(d) && d >= 0));
  if (bad !== undefined) facts.fail(`a dimension of the result would be ${bad}`);
}

/** A call of a model-local function: its body, with the attributes of the call, on the facts of the inputs. */
function callFunction(node: Node, inputs: readonly (Fact | null)[], scope: Scope): readonly Fact[] | null {
  const key = functionKey(node.domain, node.op, node.overload);
  const body = scope.functions.get(key);
  if (!body) return null;
  if (scope.calls.includes(key)) {
    throw new OnnxError('illegal-model', `function ${JSON.stringify(node.op)} calls itself`);
  }
  if (scope.calls.length >= MOST_CALLS) throw new OnnxError('too-deep', `calls nest deeper than ${MOST_CALLS}`);
  const facts = new Map<string, Fact>();
  body.inputs.forEach((name, i) => facts.set(name, inputs[i] ?? typeFact(null)));
  // Symbols in the body belong to the function, which other calls use with other sizes.
  const local = (type: Inferred): Inferred => type && mapDims(type, (d) => (typeof d === 'string' ? null : d));
  const declared = new Map([...(body.values ?? [])].map(([name, { type }]) => [name, local(type)]));
  const path = Watch.pathOf(scope.path, node);
  const opsets = body.opsets.size > 0 ? body.opsets : scope.opsets;
  const inner: Scope = { ...scope, opsets, outer: new Map(), path: `${path}/`, calls: [...scope.calls, key] };
  const nodes = bindAttributes(body, node);
  inferNodes(nodes, facts, declared, inner);
  watchOf(scope)?.sawInside(path, '', nodes, facts);
  return body.outputs.map((name) => facts.get(name) ?? typeFact(null));
}

/**
 * Facts of all values of a graph.
 * @param passed facts of the inputs of a body; null where the declared types are all that is known
 */
export function inferGraph(graph: Graph, scope: Scope, passed: readonly Fact[] | null): Map<string, Fact> {
  const { dims = {}, fresh } = scope.options;
  const facts = new Map<string, Fact>();
  graph.inputs.forEach(({ name, type }, i) => {
    const fact = passed?.[i] ?? typeFact(null);
    const declared = bindType(type, dims);
    // What is fed to the model must fit its inputs; what the inputs of a body are declared to be need not hold.
    const inside = scope.proving && (passed !== null || scope.path !== '');
    if (inside) facts.set(name, { ...fact, type: withElementTypes(fact.type, declared) });
    else facts.set(name, { ...fact, type: fresh ? (fact.type ?? declared) : adoptType(fact.type, declared) });
  });
  for (const [name, { value }] of graph.initializers) {
    // Before IR version 4 initializers are inputs too; a body is given its inputs.
    if (passed && facts.has(name)) continue;
    // A caller may give another value than that of the file.
    if (scope.proving && scope.overridable && facts.has(name)) continue;
    if ('external' in value) facts.set(name, typeFact({ kind: 'tensor', dtype: value.dtype, shape: value.dims }));
    else facts.set(name, constantFact(value));
  }
  for (const { values, dims: shape } of graph.sparseInitializers) {
    facts.set(values.name, typeFact({ kind: 'tensor', dtype: values.value.dtype, shape }));
  }
  if (scope.path === '') {
    for (const [name, tensor] of scope.options.known ?? []) if (facts.has(name)) facts.set(name, constantFact(tensor));
  }
  const declared = new Map<string, ValueType | null>();
  if (!fresh || scope.proving)
    for (const list of [graph.values.values(), graph.outputs]) for (const v of list) declared.set(v.name, v.type);
  inferNodes(graph.nodes, facts, declared, scope);
  return facts;
}
