/**
 * Values that are taken apart slice by slice, as exporters write queries, keys and values out of one product: one Split in place of a Gather
 * for each slice. The gradient of the Gathers adds up as many whole values as there are slices, that of the Split joins the slices.
 */
import { attrInt, int, int64, type Node, type StoredTensor } from '@verge/onnx';
import type { Forward, StaticType } from '../forward.js';

interface Taken {
  readonly node: Node;
  readonly index: number;
}

/** The one index that a Gather has, where it is a constant scalar. */
function indexOf(node: Node, constants: ReadonlyMap<string, StoredTensor>, size: number): number | undefined {
  const value = constants.get(node.inputs[1] ?? '')?.value;
  if (!value || !('data' in value) || value.dims.length > 0 || value.dtype === 'string') return undefined;
  const index = Number(value.data[0]);
  return index < 0 ? index + size : index;
}

/** The Gathers that take each slice of a value once along one axis, by value and axis. */
function taken({ graph, types }: Forward): Map<string, { axis: number; slices: Taken[] }> {
  const found = new Map<string, { axis: number; slices: Taken[] }>();
  for (const node of graph.nodes) {
    const type = types.get(node.inputs[0] ?? '');
    if (node.op !== 'Gather' || node.domain !== '' || type?.dtype !== 'float32') continue;
    const rank = type.shape.length;
    const given = attrInt(node, 'axis', 0);
    const axis = given < 0 ? given + rank : given;
    const index = indexOf(node, graph.initializers, type.shape[axis]!);
    if (index === undefined) continue;
    const key = `${node.inputs[0]!}:${axis}`;
    const { slices } = found.get(key) ?? { slices: [] };
    found.set(key, { axis, slices: [...slices, { node, index }] });
  }
  for (const [key, { axis, slices }] of found) {
    const size = types.get(slices[0]!.node.inputs[0]!)!.shape[axis]!;
    const each = new Set(slices.map((s) => s.index));
    if (size < 2 || slices.length !== size || each.size !== size) found.delete(key);
  }
  return found;
}

/** @returns the same forward graph with such Gathers as one Split */
export function unbind(forward: Forward): Forward {
  const { graph } = forward;
  const found = taken(forward);
  if (found.size === 0) return forward;
  const types = new Map<string, StaticType>(forward.types);
  const initializers = new Map(graph.initializers);
  const replaced = new Map<Node, Node[]>();
  for (const { axis, slices } of found.values()) {
    const x = slices[0]!.node.inputs[0]!;
    const { shape, dtype } = types.get(x)!;
    const part = shape.map((d, i) => (i === axis ? 1 : d));
    const names = slices.map((_, i) => `lifted.${x}.${axis}.slice.${i}`);
    const store = (name: string, values: number[]): string => {
      initializers.set(name, { name, value: int64([values.length], values) });
      types.set(name, { dtype: 'int64', shape: [values.length] });
      return name;
    };
    names.forEach((name) => types.set(name, { dtype, shape: part }));
    const sizes = store(
      `lifted.${x}.${axis}.sizes`,
      names.map(() => 1),
    );
    const axes = store(`lifted.${x}.${axis}.axes`, [axis]);
    const split: Node = {
      ...{ op: 'Split', domain: '', name: '', inputs: [x, sizes], outputs: names },
      attributes: new Map([['axis', int(axis)]]),
    };
    slices.forEach(({ node, index }, i) => {
      const squeeze: Node = { ...node, op: 'Squeeze', inputs: [names[index]!, axes], attributes: new Map() };
      replaced.set(node, i === 0 ? [split, squeeze] : [squeeze]);
    });
  }
  const nodes = graph.nodes.flatMap((node) => replaced.get(node) ?? [node]);
  return { ...forward, types, graph: { ...graph, nodes, initializers } };
}
