/** Tensors that stay in files beside the model (onnx.proto, TensorProto.external_data). */
import { subgraphs } from './builder.js';
import { byteLengthOf, tensorOverBytes } from './datatypes.js';
import { OnnxError } from './errors.js';
import type { Attribute, Graph, Model, Node, StoredTensor } from './ir.js';
import { elementCount } from './tensor.js';

/** Whether a location is a relative path that stays inside the folder of the model. */
export function staysInside(location: string): boolean {
  if (location === '' || /^[/\\]|^[A-Za-z]:|\0/.test(location)) return false;
  return !location.split(/[/\\]/).includes('..');
}

function locationsOf(graph: Graph, into: Set<string>): Set<string> {
  for (const { value } of graph.initializers.values()) if ('external' in value) into.add(value.external.location);
  for (const node of graph.nodes) {
    for (const a of node.attributes.values()) {
      if (a.kind === 'tensor' && 'external' in a.value.value) into.add(a.value.value.external.location);
    }
    for (const sub of subgraphs(node)) locationsOf(sub, into);
  }
  return into;
}

/** The files that a model's tensors lie in, relative to the model. */
export function externalLocations(model: Model): string[] {
  return [...locationsOf(model.graph, new Set())];
}

function load(tensor: StoredTensor, files: ReadonlyMap<string, Uint8Array>): StoredTensor {
  const { value } = tensor;
  if (!('external' in value)) return tensor;
  const { location, offset, length } = value.external;
  const where = `tensor ${JSON.stringify(tensor.name)} in ${JSON.stringify(location)}`;
  const file = files.get(location);
  if (!staysInside(location)) throw new OnnxError('tensor-data', `${where} lies outside of the model's folder`);
  if (!file) throw new OnnxError('tensor-data', `${where}: this file was not given`);
  const { dtype, dims } = value;
  if (dtype === 'string') throw new OnnxError('unsupported', `${where}: strings cannot be external`);
  const expected = byteLengthOf(dtype, elementCount(dims));
  if (length !== null && length !== expected) {
    throw new OnnxError('tensor-data', `${where}: ${dtype}[${dims}] takes ${expected} bytes, ${length} are declared`);
  }
  if (offset + expected > file.length) {
    throw new OnnxError('tensor-data', `${where}: ${offset} + ${expected} bytes are beyond its ${file.length}`);
  }
  return { ...tensor, value: tensorOverBytes(dtype, dims, file.subarray(offset, offset + expected)), encoding: 'raw' };
}

function loadGraph(graph: Graph, files: ReadonlyMap<string, Uint8Array>): Graph {
  const attribute = (a: Attribute): Attribute => {
    if (a.kind === 'tensor') return { ...a, value: load(a.value, files) };
    if (a.kind === 'graph') return { ...a, value: loadGraph(a.value, files) };
    if (a.kind === 'graphs') return { ...a, value: a.value.map((g) => loadGraph(g, files)) };
    return a;
  };
  const node = (n: Node): Node => ({ ...n, attributes: new Map([...n.attributes].map(([k, a]) => [k, attribute(a)])) });
  const initializers = new Map([...graph.initializers].map(([name, t]) => [name, load(t, files)]));
  return { ...graph, initializers, nodes: graph.nodes.map(node) };
}

/**
 * A copy of the model that holds its external tensors itself.
 * @param files contents by location, as `externalLocations` lists them
 * @throws OnnxError `tensor-data` when a file is missing, too short or outside of the model's folder
 */
export function loadExternalData(model: Model, files: ReadonlyMap<string, Uint8Array>): Model {
  return { ...model, graph: loadGraph(model.graph, files) };
}
