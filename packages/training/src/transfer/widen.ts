/**
 * A model with its parameters in float32, whatever its file holds them in: halves become float32, the constants behind a
 * DequantizeLinear the numbers that they stand for. These are rounded to their levels in every step as inference has them, and
 * the gradient passes the rounding straight through (arXiv 1308.3432); so the trained file has the levels that were validated.
 */
import {
  attrInt,
  collectNames,
  elementCount,
  int,
  mapStored,
  opsetVersion,
  sortedNodes,
  type DataType,
  type Graph,
  type Model,
  type Node,
  type ValueInfo,
} from '@verge/onnx';
import { flowOf } from '../candidates.js';
import { expandQuantised } from './quantised-operators.js';
import { quantisedReads } from './quantised-reads.js';
import {
  dequantised,
  isHalf,
  isQuantised,
  storedAsHalf,
  storedQuantised,
  widenHalf,
  zerosOf,
  type HalfTensor,
  type MadeScales,
  type Quantisation,
  type StoredAs,
} from './stored-types.js';

export interface WideModel {
  readonly model: Model;
  /** How the parameters are stored that are not float32 in the file, by name. */
  readonly stored: ReadonlyMap<string, StoredAs>;
}

/** ONNX TensorProto.DataType. */
const [FLOAT, FLOAT16, BFLOAT16] = [1, 10, 16];

/** Attributes that name an element type. */
const TYPE_ATTRIBUTES = ['to', 'dtype', 'output_dtype'] as const;

function widenNode(node: Node): Node {
  const halved = TYPE_ATTRIBUTES.filter((name) => [FLOAT16, BFLOAT16].includes(attrInt(node, name, 0)));
  if (halved.length === 0) return node;
  return { ...node, attributes: new Map([...node.attributes, ...halved.map((name) => [name, int(FLOAT)] as const)]) };
}

function widenInfo(info: ValueInfo): ValueInfo {
  if (info.type?.kind !== 'tensor' || !isHalf(info.type.dtype)) return info;
  return { ...info, type: { ...info.type, dtype: 'float32' } };
}

/** Halves as float32, everywhere: a step computes in float32. */
function widenHalves(model: Model, stored: Map<string, StoredAs>): Model {
  let found = false;
  const wide = mapStored(model, (tensor, role) => {
    const { value } = tensor;
    if (!('data' in value) || !isHalf(value.dtype)) return tensor;
    found = true;
    if (role === 'initializer') stored.set(tensor.name, storedAsHalf(tensor.name, value.dtype, value.dims));
    return { ...tensor, value: widenHalf(value as HalfTensor) };
  });
  if (!found) return model;
  const { graph } = wide;
  return {
    ...wide,
    graph: {
      ...graph,
      inputs: graph.inputs.map(widenInfo),
      outputs: graph.outputs.map(widenInfo),
      nodes: graph.nodes.map(widenNode),
      // Types of the values between nodes follow from the rest.
      values: new Map(),
    },
  };
}

/** One place that reads a quantised constant, and how. */
interface QuantisedRead {
  readonly node: Node;
  readonly index: number;
  readonly how: Quantisation;
}

/** Constants that nodes read as quantised numbers, all in one way, with these reads. */
function quantisedConstants(graph: Graph): Map<string, QuantisedRead[]> {
  const found = new Map<string, QuantisedRead[]>();
  const others = new Set(graph.outputs.map((o) => o.name));
  const reading = quantisedReads(graph);
  for (const node of graph.nodes)
    node.inputs.forEach((name, index) => {
      const value = graph.initializers.get(name)?.value;
      if (!value || !isQuantised(value.dtype)) return;
      const how = reading(node, index);
      if (how) found.set(name, [...(found.get(name) ?? []), { node, index, how }]);
      else others.add(name);
    });
  const ways = (reads: readonly QuantisedRead[]): number => new Set(reads.map((r) => JSON.stringify(r.how))).size;
  return new Map([...found].filter(([name, reads]) => !others.has(name) && ways(reads) === 1));
}

/** What stands in place of a node that reads a quantised constant. */
interface Replacement {
  readonly before: readonly Node[];
  readonly node: Node;
}

/** The constants of `quantisedConstants` as float32, rounded to their levels in the graph. */
function widenQuantised(model: Model, stored: Map<string, StoredAs>, scales: MadeScales): Model {
  const { graph } = model;
  const opset = opsetVersion(model) ?? 0;
  const initializers = new Map(graph.initializers);
  const taken = collectNames(graph);
  const fresh = (stem: string): string => {
    let name = stem;
    while (taken.has(name)) name += '_';
    taken.add(name);
    return name;
  };
  const perTensor = ({ scale }: Quantisation): boolean => elementCount(graph.initializers.get(scale)!.value.dims) === 1;
  /** QuantizeLinear in front of the nodes that read a constant's levels. */
  const rounding = (name: string, dtype: DataType, { node, how }: QuantisedRead): Node => {
    const levels = fresh(`${name}.levels`);
    let { zero } = how;
    if (zero === '') {
      zero = fresh(`${name}.zero`);
      initializers.set(zero, { name: zero, value: zerosOf(dtype, graph.initializers.get(how.scale)!.value.dims) });
    }
    const dequantises = node.op === 'DequantizeLinear';
    const attributes = dequantises
      ? new Map([...node.attributes].filter(([a]) => a === 'axis' || a === 'block_size'))
      : new Map(perTensor(how) ? [] : [['axis', int(how.axis)] as const]);
    const domain = dequantises ? node.domain : '';
    return {
      ...{ op: 'QuantizeLinear', domain, name: levels, attributes },
      inputs: [name, how.scale, zero],
      outputs: [levels],
    };
  };
  const replaced = new Map<Node, Replacement>();
  const { blocked } = flowOf(graph);
  for (const [name, reads] of quantisedConstants(graph)) {
    if (blocked.has(name)) continue;
    const held = graph.initializers.get(name)!;
    const { how } = reads[0]!;
    const value = dequantised(held, how, graph.initializers);
    // QuantizeLinear has an axis since operator set 13.
    const known = opset >= 13 || perTensor(how) || reads[0]!.node.op === 'DequantizeLinear';
    if (!value || !known) continue;
    const { dtype, dims } = held.value;
    initializers.set(name, { ...held, value });
    stored.set(name, storedQuantised(name, dtype, dims, how, scales));
    const quantize = dtype === 'int32' ? undefined : rounding(name, dtype, reads[0]!);
    reads.forEach(({ node, index }, i) => {
      if (!quantize) return void replaced.set(node, { before: [], node: asIdentity(node, name) });
      const inputs = node.inputs.with(index, quantize.outputs[0]!);
      // A zero point that is left out has the type of the levels, which the node is told.
      if (node.op === 'DequantizeLinear') inputs[2] = quantize.inputs[2]!;
      replaced.set(node, { before: i === 0 ? [quantize] : [], node: { ...node, inputs } });
    });
  }
  if (replaced.size === 0) return model;
  const nodes = graph.nodes.flatMap((node) => {
    const by = replaced.get(node);
    return by ? [...by.before, by.node] : [node];
  });
  return { ...model, graph: { ...graph, nodes, initializers, values: new Map() } };
}

/** Biases of 32 bits have no rounding in the step: their levels lie closer than anything that reads them can tell. */
const asIdentity = (node: Node, name: string): Node => ({
  ...{ op: 'Identity', domain: '', name: node.name, attributes: new Map() },
  inputs: [name],
  outputs: node.outputs,
});

/** Nodes after what they read: executors sort them, and some converters put the Casts at the ends last. */
function inOrder(model: Model): Model {
  const { nodes } = sortedNodes(model.graph.nodes);
  return nodes === model.graph.nodes ? model : { ...model, graph: { ...model.graph, nodes: [...nodes] } };
}

/** The model with its nodes in order and halves as float32; the very model where there is nothing to do. */
export function widenFloats(model: Model): WideModel {
  const stored = new Map<string, StoredAs>();
  return { model: widenHalves(inOrder(model), stored), stored };
}

/**
 * The model with operators on quantised numbers in floats (`expandQuantised`), and with the quantised constants as float32 from which
 * a gradient reaches its outputs; those behind a node without one stay
 * integers, which stops nothing else.
 * @param model with the outputs that are trained, and float32 scales (`widenFloats`)
 */
export function widenLevels(model: Model): WideModel {
  const stored = new Map<string, StoredAs>();
  const { model: expanded, scales } = expandQuantised(model);
  return { model: widenQuantised(expanded, stored, scales), stored };
}
