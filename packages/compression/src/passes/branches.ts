/** What stands in branches and loop bodies: passes of weights leave it as it is, and say so. */
import { subgraphs, type Graph, type Model, type Node, type StoredTensor } from '@verge/onnx';
import { nodeName } from '../graph/index-of-values.js';
import type { PassResult } from './pass.js';

function* innerGraphs(node: Node): Generator<Graph> {
  for (const graph of subgraphs(node)) {
    yield graph;
    for (const inner of graph.nodes) yield* innerGraphs(inner);
  }
}

/** @param count what of a graph would have been changed in the main graph */
function declinedInside(model: Model, count: (graph: Graph) => number, what: string): PassResult['declined'] {
  return model.graph.nodes.flatMap((node) => {
    const found = [...innerGraphs(node)].reduce((sum, graph) => sum + count(graph), 0);
    return found === 0 ? [] : [{ node: nodeName(node), reason: `${found} ${what} in its branches stay in floats` }];
  });
}

/** Operators of some kinds in branches. */
export const operatorsInside = (model: Model, ops: ReadonlySet<string>): PassResult['declined'] =>
  declinedInside(model, ({ nodes }) => nodes.filter(({ op }) => ops.has(op)).length, [...ops].join(', '));

/** float32 constants of branches with so many elements at least, initializers and Constant nodes. */
export function constantsInside(model: Model, least: number): PassResult['declined'] {
  const counts = ({ value: { dtype, dims } }: StoredTensor): boolean =>
    dtype === 'float32' && dims.reduce((a, b) => a * b, 1) >= least;
  const inNode = (node: Node): boolean => {
    const value = node.op === 'Constant' ? node.attributes.get('value') : undefined;
    return value?.kind === 'tensor' && counts(value.value);
  };
  const count = ({ initializers, nodes }: Graph): number =>
    [...initializers.values()].filter(counts).length + nodes.filter(inNode).length;
  return declinedInside(model, count, 'constants');
}
