/**
 * x * sigmoid(x) in parts, as exporters write SiLU, as the one operator that it is: its gradient takes four passes over the elements,
 * those of the parts six.
 */
import type { Node } from '@verge/onnx';
import type { Forward } from '../forward.js';
import { usesOf } from './uses.js';

/**
 * @param kept values that something reads by name, so that they must stay
 * @returns the same forward graph with Swish-24 in place of a Mul and the Sigmoid that only it reads
 */
export function joinGates(forward: Forward, kept: ReadonlySet<string>): Forward {
  const { graph } = forward;
  const { makers, readers } = usesOf(graph);
  const joined = new Map<Node, readonly Node[]>();
  for (const product of graph.nodes) {
    if (product.op !== 'Mul' || product.domain !== '') continue;
    const gate = product.inputs.findIndex((input, i) => {
      const sigmoid = makers.get(input);
      const own = sigmoid?.op === 'Sigmoid' && sigmoid.domain === '' && sigmoid.inputs[0] === product.inputs[1 - i];
      return own && readers.get(input) === 1 && !kept.has(input);
    });
    if (gate < 0) continue;
    joined.set(makers.get(product.inputs[gate]!)!, []);
    joined.set(product, [{ ...product, op: 'Swish', inputs: [product.inputs[1 - gate]!], attributes: new Map() }]);
  }
  if (joined.size === 0) return forward;
  return { ...forward, graph: { ...graph, nodes: graph.nodes.flatMap((n) => joined.get(n) ?? [n]) } };
}
