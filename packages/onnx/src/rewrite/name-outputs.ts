/** Identity nodes whose only use is to give a graph output its name. */
import type { Model, Node } from '../ir.js';
import { eliminateDeadCode, renameReads } from './edit.js';
import { GraphView } from './view.js';

/** The node that makes the input of such an Identity, when it may give the output's name itself. */
function renamable(node: Node, view: GraphView): Node | null {
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  if (node.op !== 'Identity' || node.domain !== '' || !view.isOutput(y) || view.isOutput(x)) return null;
  return view.producer(x);
}

/**
 * Gives values the names of the graph outputs that an Identity copies them to, so that it can go. One whose input is an
 * input of the graph, a constant or an output itself stays.
 * @returns the model and how many nodes are gone
 */
export function nameOutputs(model: Model): { model: Model; removed: number } {
  const view = new GraphView(model.graph);
  const names = new Map<string, string>();
  const gone = new Set<Node>();
  for (const node of model.graph.nodes) {
    if (names.has(node.inputs[0] ?? '') || !renamable(node, view)) continue;
    names.set(node.inputs[0]!, node.outputs[0]!);
    gone.add(node);
  }
  if (gone.size === 0) return { model, removed: 0 };
  const nodes = model.graph.nodes
    .filter((node) => !gone.has(node))
    .map((node) => ({ ...renameReads(node, names), outputs: node.outputs.map((name) => names.get(name) ?? name) }));
  const quantization = model.graph.quantization?.map((q) =>
    q.tensor === undefined ? q : { ...q, tensor: names.get(q.tensor) ?? q.tensor },
  );
  const graph = { ...model.graph, nodes, ...(quantization && { quantization }) };
  return { model: eliminateDeadCode({ ...model, graph }), removed: gone.size };
}
