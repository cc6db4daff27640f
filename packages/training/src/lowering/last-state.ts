/**
 * What is taken of a recurrent layer's last step, as exporters write `out[:, -1]`, from the output that holds it: the gradient would
 * otherwise be one of all steps, zeros but for one.
 */
import { attrInt, attrInts, attrString, int64, type Node } from '@verge/onnx';
import type { Forward, StaticType } from '../forward.js';
import { wholeNumbers } from './constants.js';
import { usesOf } from './uses.js';

const RECURRENT = new Set(['RNN', 'GRU', 'LSTM']);

/** Whether Y_h is the last of Y: one direction, forwards, all samples equally long. */
function endsInY(node: Node): boolean {
  if (!RECURRENT.has(node.op) || node.domain !== '') return false;
  return attrString(node, 'direction', 'forward') === 'forward' && !node.inputs[4];
}

/** Axes of Y, [steps, directions, batch, hidden] or [batch, steps, directions, hidden]. */
const axesOf = (node: Node): string[] =>
  attrInt(node, 'layout', 0) === 1 ? ['batch', 'steps', 'one', 'hidden'] : ['steps', 'one', 'batch', 'hidden'];

interface Source {
  readonly layer: Node;
  /** What the axes of the value are. */
  readonly axes: readonly string[];
}

/** The layer whose Y a value is, with its axes in another order or without that of the directions. */
function sourceOf(value: string, forward: Forward, makers: ReadonlyMap<string, Node>): Source | undefined {
  const node = makers.get(value);
  if (node && endsInY(node)) return node.outputs[0] === value ? { layer: node, axes: axesOf(node) } : undefined;
  if (!node || node.domain !== '' || !['Squeeze', 'Transpose'].includes(node.op)) return undefined;
  const from = sourceOf(node.inputs[0]!, forward, makers);
  if (!from) return undefined;
  const { layer, axes } = from;
  if (node.op === 'Transpose') {
    const order = attrInts(
      node,
      'perm',
      axes.map((_, i) => axes.length - 1 - i),
    );
    return { layer, axes: order.map((i) => axes[i]!) };
  }
  const dropped = wholeNumbers(forward.graph.initializers, node.inputs[1])?.values.map(
    (a) => (a + axes.length) % axes.length,
  );
  const rest = dropped && axes.filter((_, i) => !dropped.includes(i));
  return rest?.length === axes.length - 1 && !rest.includes('one') ? { layer, axes: rest } : undefined;
}

/** The nodes without those that only turn what nobody reads; a layer's Y that nobody reads has no name. */
function withoutUnread(nodes: readonly Node[], read: Set<string>): Node[] {
  const left = [...nodes].reverse().flatMap((node): Node[] => {
    const turns = ['Squeeze', 'Transpose'].includes(node.op) && node.domain === '';
    if (turns && !read.has(node.outputs[0]!)) return [];
    node.inputs.forEach((i) => read.add(i));
    const [y, ...states] = node.outputs;
    return [endsInY(node) && y && !read.has(y) ? { ...node, outputs: ['', ...states] } : node];
  });
  return left.reverse();
}

/**
 * @param kept values that something reads by name, so that they must stay
 * @returns the same forward graph with every Gather of a last step as the layer's last state
 */
export function lastStates(forward: Forward, kept: ReadonlySet<string>): Forward {
  const { graph } = forward;
  const { makers } = usesOf(graph);
  const types = new Map<string, StaticType>(forward.types);
  const initializers = new Map(graph.initializers);
  const layers = new Map<Node, Node>();
  const replaced = new Map<Node, Node>();
  for (const node of graph.nodes) {
    const index = node.op === 'Gather' && node.domain === '' && wholeNumbers(initializers, node.inputs[1]);
    const source = index && index.rank === 0 ? sourceOf(node.inputs[0]!, forward, makers) : undefined;
    const [all, result] = [forward.types.get(node.inputs[0]!), forward.types.get(node.outputs[0]!)];
    if (!index || !source || !all || !result) continue;
    const { layer, axes } = source;
    const axis = (attrInt(node, 'axis', 0) + axes.length) % axes.length;
    const rest = axes.filter((a, i) => i !== axis && a !== 'one');
    const isLast = index.values[0] === -1 || index.values[0] === all.shape[axis]! - 1;
    if (axes[axis] !== 'steps' || rest.join() !== 'batch,hidden' || !isLast) continue;
    const [y, given, ...cells] = (layers.get(layer) ?? layer).outputs;
    const last = given || `lifted.${y!}.last`;
    layers.set(layer, { ...layer, outputs: [y!, last, ...cells] });
    const [batch, hidden] = rest.map((a) => all.shape[axes.indexOf(a)]!) as [number, number];
    const batchFirst = attrInt(layer, 'layout', 0) === 1;
    types.set(last, { dtype: result.dtype, shape: batchFirst ? [batch, 1, hidden] : [1, batch, hidden] });
    const sizes = `lifted.${node.outputs[0]!}.sizes`;
    initializers.set(sizes, { name: sizes, value: int64([result.shape.length], result.shape) });
    types.set(sizes, { dtype: 'int64', shape: [result.shape.length] });
    replaced.set(node, { ...node, op: 'Reshape', inputs: [last, sizes], attributes: new Map() });
  }
  if (replaced.size === 0) return forward;
  const nodes = graph.nodes.map((node) => replaced.get(node) ?? layers.get(node) ?? node);
  const read = new Set([...kept, ...graph.outputs.map((o) => o.name)]);
  return { ...forward, types, graph: { ...graph, nodes: withoutUnread(nodes, read), initializers } };
}
