/**
 * A model in the form in which channels are followed: what is constant is stored, whole numbers that follow from proven sizes
 * too, and every reader of a vector has one of its own, so that layers that only happen to share zeros or ones stay apart.
 */
import {
  eliminateDeadCode,
  foldConstants,
  knownIntegers,
  type Model,
  type SessionFactory,
  type StoredTensor,
} from '@verge/onnx';
import { cloneModel } from './index-of-values.js';

/** @throws OnnxError `rewrite` when the executor cannot compute the constants */
export async function settled(model: Model, createSession: SessionFactory): Promise<Model> {
  return withOwnVectors(withKnownIntegers(await foldConstants(model, createSession)));
}

function withKnownIntegers(model: Model): Model {
  const known = knownIntegers(model);
  const outputs = new Set(model.graph.outputs.map((o) => o.name));
  const initializers = new Map(model.graph.initializers);
  const nodes = model.graph.nodes.filter((node) => {
    const made = node.outputs.filter((name) => name !== '');
    if (!made.every((name) => known.has(name) && !outputs.has(name))) return true;
    for (const name of made)
      initializers.set(name, { name, value: known.get(name) as NonNullable<ReturnType<typeof known.get>> });
    return false;
  });
  return eliminateDeadCode({ ...model, graph: { ...model.graph, nodes, initializers } });
}

/** A constant of at most one axis with more than one element. */
const isVector = ({ value }: StoredTensor): boolean =>
  'data' in value && /^(float|bfloat|double)/.test(value.dtype) && value.dims.filter((d) => d > 1).length === 1;

function withOwnVectors(model: Model): Model {
  const copy = cloneModel(model);
  const { initializers, inputs, nodes } = copy.graph;
  const fed = new Set(inputs.map((i) => i.name));
  const read = new Set<string>();
  for (const node of nodes)
    node.inputs.forEach((name, i) => {
      const stored = initializers.get(name);
      if (!stored || fed.has(name) || !isVector(stored)) return;
      if (!read.has(name)) return void read.add(name);
      let own = `${name}_of_${node.outputs[0]}_${i}`;
      while (initializers.has(own)) own += '_';
      initializers.set(own, { ...stored, name: own });
      node.inputs[i] = own;
    });
  return copy;
}
