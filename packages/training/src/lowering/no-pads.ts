/** Pads of no width, as exporters write where sizes happen to fit: the executor copies the value for them. */
import type { Forward } from '../forward.js';
import { wholeNumbers } from './constants.js';

/** @returns the same forward graph with an Identity, which costs nothing, for each such Pad */
export function noPads(forward: Forward): Forward {
  const { graph } = forward;
  const nodes = graph.nodes.map((node) => {
    const pads = node.op === 'Pad' && node.domain === '' ? wholeNumbers(graph.initializers, node.inputs[1]) : undefined;
    if (!pads?.values.every((width) => width === 0)) return node;
    return { ...node, op: 'Identity', inputs: node.inputs.slice(0, 1), attributes: new Map() };
  });
  return { ...forward, graph: { ...graph, nodes } };
}
