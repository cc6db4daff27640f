/**
 * Values that are rolled along an axis, as windows that shift between layers are (torch.roll): exporters write two Slices and a Concat, whose
 * gradient pads two values to the whole size and adds them. One Gather by an order of the places has a Gather for its gradient.
 */
import { attrInt, int, int64, type Node } from '@verge/onnx';
import type { Forward, StaticType } from '../forward.js';
import { wholeNumbers } from './constants.js';
import { usesOf } from './uses.js';

/** What a Slice takes along its only axis, [from, to); undefined where it takes steps, or is not known. */
function rangeOf(
  forward: Forward,
  node: Node | undefined,
): { x: string; axis: number; from: number; to: number } | undefined {
  if (node?.op !== 'Slice' || node.domain !== '') return undefined;
  const [x, ...rest] = node.inputs as [string, ...string[]];
  const shape = forward.types.get(x)?.shape;
  const [starts, ends, axes, steps] = rest.map((name) => wholeNumbers(forward.graph.initializers, name)?.values);
  if (!shape || starts?.length !== 1 || ends?.length !== 1 || axes?.length !== 1) return undefined;
  if (node.inputs[4] && (steps?.length !== 1 || steps[0] !== 1)) return undefined;
  const axis = axes[0]! < 0 ? axes[0]! + shape.length : axes[0]!;
  const size = shape[axis]!;
  const place = (index: number): number => Math.max(0, Math.min(size, index < 0 ? index + size : index));
  return { x, axis, from: place(starts[0]!), to: place(ends[0]!) };
}

/** How far a Concat rolls a value: the place that comes first; undefined where it does something else. */
function rollOf(
  forward: Forward,
  node: Node,
  makers: ReadonlyMap<string, Node>,
): { x: string; axis: number; first: number } | undefined {
  if (node.op !== 'Concat' || node.domain !== '' || node.inputs.length !== 2) return undefined;
  const [front, back] = node.inputs.map((name) => rangeOf(forward, makers.get(name)));
  if (!front || !back || front.x !== back.x || front.axis !== back.axis) return undefined;
  const type = forward.types.get(front.x)!;
  const axis = attrInt(node, 'axis', 0);
  if (type.dtype !== 'float32' || (axis < 0 ? axis + type.shape.length : axis) !== front.axis) return undefined;
  const rolls = front.to === type.shape[front.axis] && back.from === 0 && back.to === front.from;
  return rolls ? { x: front.x, axis: front.axis, first: front.from } : undefined;
}

/** @returns the same forward graph with each roll as one Gather */
export function rolls(forward: Forward, kept: ReadonlySet<string>): Forward {
  const { graph } = forward;
  const { makers, readers } = usesOf(graph);
  const types = new Map<string, StaticType>(forward.types);
  const initializers = new Map(graph.initializers);
  const gone = new Set<Node>();
  const nodes = graph.nodes.map((node) => {
    const roll = rollOf(forward, node, makers);
    if (!roll) return node;
    const size = types.get(roll.x)!.shape[roll.axis]!;
    const order = `lifted.${node.outputs[0]!}.order`;
    const places = Array.from({ length: size }, (_, i) => (i + roll.first) % size);
    initializers.set(order, { name: order, value: int64([size], places) });
    types.set(order, { dtype: 'int64', shape: [size] });
    for (const part of node.inputs) if (readers.get(part) === 1 && !kept.has(part)) gone.add(makers.get(part)!);
    return { ...node, op: 'Gather', inputs: [roll.x, order], attributes: new Map([['axis', int(roll.axis)]]) };
  });
  if (initializers.size === graph.initializers.size) return forward;
  return { ...forward, types, graph: { ...graph, nodes: nodes.filter((n) => !gone.has(n)), initializers } };
}
