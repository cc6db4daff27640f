/** Branches that the inputs of a run decide: an If on a fixed sample rate is one of its branches in every step. */
import { inlineIf, knownConditions, rewrite, type Model, type Node } from '@verge/onnx';

/** The Ifs of the graph whose condition is known, reading it as a constant. */
function decided(model: Model): Model {
  const { graph } = model;
  if (!graph.nodes.some((node) => node.op === 'If')) return model;
  const known = knownConditions(model);
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.map((node): Node => {
    const condition = node.inputs[0] ?? '';
    const value = known.get(condition);
    if (node.op !== 'If' || value === undefined || initializers.has(condition)) return node;
    const name = `${condition}.known`;
    initializers.set(name, { name, value: { dtype: 'bool', dims: [], data: Uint8Array.of(value ? 1 : 0) } });
    return { ...node, inputs: [name] };
  });
  return { ...model, graph: { ...graph, nodes, initializers } };
}

/**
 * The model with the branch that is taken in place of each If whose condition follows from constants and sizes; an If that the samples
 * decide stays. Constants stay, also those that only the other branch reads.
 */
export function takenBranches(given: Model): Model {
  if (!given.graph.nodes.some((node) => node.op === 'If')) return given;
  let model = given;
  for (;;) {
    const { model: next, fired } = rewrite(decided(model), [inlineIf]);
    if (fired.length === 0) return model;
    const initializers = new Map([...given.graph.initializers, ...next.graph.initializers]);
    model = { ...next, graph: { ...next.graph, initializers } };
  }
}
