/** Test support: the node cases of ONNX with their stored inputs and outputs, and how an inferred type compares. */
import { decodeModel, type Attribute, type Graph, type Model, type Tensor, type ValueType } from '../index.js';
import { mapDims } from '../infer/declared.js';
import { joinTypes, sameType } from '../infer/types.js';
import type { ArchivedFile } from './archive.js';
import { decodeStored, type Stored } from './values.js';

export interface Case {
  name: string;
  model: Model;
  /** The inputs that are tensors. */
  inputs: Map<string, Tensor>;
  outputs: Map<string, Stored>;
}

/** The cases of an archive that is laid out as ONNX's backend tests are. */
export function casesOf(archive: readonly ArchivedFile[]): Case[] {
  const files = new Map(archive.map((f) => [f.path, f.bytes]));
  const found: Case[] = [];
  for (const [path, bytes] of files) {
    if (!path.endsWith('/model.onnx')) continue;
    const model = decodeModel(bytes);
    const stem = path.slice(0, -'model.onnx'.length);
    const load = (side: 'input' | 'output'): Map<string, Stored> =>
      new Map(
        model.graph[`${side}s`].flatMap(({ name, type }, i) => {
          const stored = files.get(`${stem}test_data_set_0/${side}_${i}.pb`);
          return stored ? [[name, decodeStored(stored, type?.kind ?? 'tensor')]] : [];
        }),
      );
    const inputs = new Map<string, Tensor>();
    for (const [name, value] of load('input')) if (value.kind === 'tensor') inputs.set(name, value.tensor);
    found.push({
      name: path
        .split('/')
        .at(-2)!
        .replace(/^test_/, ''),
      model,
      inputs,
      outputs: load('output'),
    });
  }
  return found;
}

/** The same model without any stored type but those of its inputs and those of the inputs of bodies. */
export function bare(model: Model): Model {
  return { ...model, graph: bareGraph(model.graph) };
}

function bareGraph(graph: Graph): Graph {
  const attribute = (a: Attribute): Attribute => (a.kind === 'graph' ? { ...a, value: bareGraph(a.value) } : a);
  const nodes = graph.nodes.map((n) => ({
    ...n,
    attributes: new Map([...n.attributes].map(([k, a]) => [k, attribute(a)])),
  }));
  return { ...graph, nodes, values: new Map(), outputs: graph.outputs.map((o) => ({ ...o, type: null })) };
}

/** The type of a stored value: for a sequence the smallest that covers its elements, null when there are none. */
function typeOf(stored: Stored): ValueType | null {
  if (stored.kind === 'tensor') return { kind: 'tensor', dtype: stored.tensor.dtype, shape: stored.tensor.dims };
  const inner = stored.kind === 'sequence' ? stored.items : stored.item ? [stored.item] : [];
  const element = inner.map(typeOf).reduce<ValueType | null>((a, b, i) => (i === 0 ? b : joinTypes(a, b)), null);
  return element && { kind: stored.kind, element };
}

/** Whether a value of type `actual` may be passed where `claimed` was said. */
function covers(claimed: ValueType, actual: ValueType): boolean {
  return sameType(joinTypes(claimed, actual), claimed);
}

/**
 * `exact`: the inferred type is the smallest that covers the stored value; `open`: it covers it, but leaves a size or
 * a rank to the values; else `wrong`. Element types must be known.
 */
export function verdict(inferred: ValueType | null, stored: Stored): 'exact' | 'open' | 'wrong' {
  const actual = typeOf(stored);
  // A symbol is a size that is not known.
  const type = inferred && mapDims(inferred, (d) => (typeof d === 'string' ? null : d));
  if (!type) return 'wrong';
  if (!actual) return type.kind === stored.kind ? 'exact' : 'wrong';
  if (sameType(type, actual)) return 'exact';
  return covers(type, actual) && elementTypeKnown(type) ? 'open' : 'wrong';
}

function elementTypeKnown(type: ValueType): boolean {
  if (type.kind === 'tensor' || type.kind === 'sparse') return type.dtype !== null;
  return type.kind !== 'sequence' && type.kind !== 'optional' ? true : elementTypeKnown(type.element);
}
